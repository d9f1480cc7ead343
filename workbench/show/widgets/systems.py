"""A menu of systems in a live notebook: the card and the source of the one chosen."""
from workbench import systems
from workbench.experiment.browse.system_card import SystemCard, inspect_system
from workbench.show.figures.systems import table_evidence, table_system
from workbench.show.tables import Table
from workbench.show.widgets import controls


def explore_systems(card: SystemCard) -> Table:
    """The card of a system; in a live notebook a menu of all systems above it, each with its card and its studies."""
    shown = table_system(card)
    return controls.with_widgets(shown, lambda: _widgets(card.name))


def _widgets(first: str):
    menu, area = controls.dropdown("system", [(name, name) for name in systems.names()], first), controls.html_area()

    def update() -> None:
        card = inspect_system(menu.value)
        controls.show_tables(area, table_system(card), table_evidence(card))

    update()
    controls.on_change([menu], update)
    return controls.vbox(menu, area)
