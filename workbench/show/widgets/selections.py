"""A slider for the budget of systems that choose training data, above what they keep at it."""
import pandas as pd

from workbench.experiment import Bench
from workbench.experiment.browse.selections import Selections
from workbench.show.tables import Table, table
from workbench.show.widgets import controls

SHARES = (0.05, 0.2, 0.5)  # shown side by side where nothing can be moved
LEAST, MOST = 2, 90  # per cent


def explore_selections(bench: Bench, settings: dict[str, dict], *, share: float = 0.2) -> Table:
    """What systems that select keep of train: how many histories, how long, how many of the items; in a live notebook
    under a slider for the share of the train events.

    settings: of each system by its name, {} for the usual ones. share: where the slider starts. UserError for a system
    that does not select.
    """
    selections = Selections(bench, settings)
    static = pd.concat([selections.at(each) for each in SHARES], ignore_index=True)
    return controls.with_widgets(_formatted(static), lambda: _budget_widgets(selections, share))


def _formatted(frame: pd.DataFrame) -> Table:
    frame.attrs["caption"] = "Histories that are chosen at each share of the train events, beside all of train."
    return table(frame, digits=2, index=False)


def _budget_widgets(selections: Selections, share: float):
    """A slider of per cents, and the table of each."""
    slider = controls.slider(LEAST, MOST, min(MOST, max(LEAST, round(100 * share))), follow=False)
    area = controls.html_area()

    def update() -> None:
        controls.show_tables(area, _formatted(selections.at(slider.value / 100)))

    update()
    controls.on_change([slider], update)
    return controls.vbox(controls.labelled("per cent of the train events", slider), area)
