"""A menu of systems in a live notebook: the card and the source of the one chosen."""
from workbench import systems
from workbench.errors import check_names
from workbench.experiment.browse.system_card import SystemCard, inspect_system
from workbench.show.figures.systems import table_evidence, table_system
from workbench.show.tables import Table
from workbench.show.widgets import controls


def explore_systems(card: SystemCard, *, family: str = "*") -> Table:
    """The card of a system; in a live notebook a menu of all systems above it, or of one family such as generative,
    each with its card and its studies. UserError for an unknown family, or a system that is not of it."""
    check_names(f"system of {family}" if family != "*" else "system", [card.name], systems.names(family))
    shown = table_system(card)
    return controls.with_widgets(shown, lambda: _widgets(card.name, family))


def _widgets(first: str, family: str = "*"):
    names = systems.names(family)
    menu, area = controls.dropdown("system", [(name, name) for name in names], first), controls.html_area()

    def update() -> None:
        card = inspect_system(menu.value)
        controls.show_tables(area, table_system(card), table_evidence(card))

    update()
    controls.on_change([menu], update)
    return controls.vbox(menu, area)
