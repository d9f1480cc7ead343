"""A slider for the time between the events of one history, with the list that follows it."""
import numpy as np

from workbench.experiment.browse.history_changes import FACTORS, HistoryChanges
from workbench.show.tables import Table, table
from workbench.show.widgets import controls

SLOWEST, FASTEST = -4, 6  # powers of two


def explore_gaps(changes: HistoryChanges) -> Table:
    """The lists of a recommender when the gaps of a history are 0 to 16 times as long; in a live notebook a slider for
    the gaps above one list, beside that of the history as it is. UserError for events without times."""
    frame = changes.by_gaps(FACTORS)
    return controls.with_widgets(_with_caption(frame), lambda: _gap_widgets(changes))


def _with_caption(frame) -> Table:
    shared = ", ".join(f"{count} ({name})" for name, count in frame.attrs["same"].items())
    frame.attrs["caption"] = f"Items of a list that are in that of the history as it is: {shared}."
    return table(frame)


def _gap_widgets(changes: HistoryChanges):
    """A slider of powers of two, and the list for each."""
    slider, area = controls.slider(SLOWEST, FASTEST, 0), controls.html_area()

    def update() -> None:
        factor = float(np.exp2(slider.value))
        frame = changes.by_gaps((1, factor) if factor != 1 else (1,))
        controls.show_tables(area, _with_caption(frame))

    update()
    controls.on_change([slider], update)
    return controls.vbox(controls.labelled("gaps, power of two", slider), area)
