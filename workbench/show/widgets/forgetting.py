"""One user who is forgotten: where the items stand before and after, beside an oracle that never saw them."""
import numpy as np
import plotly.graph_objects as go

from workbench.data.schema import RAW
from workbench.experiment.unlearning.forgetting import ORACLE, Forgetting
from workbench.show.theme import COLORWAY, GREY, SYMBOLS, escape, finish
from workbench.show.widgets import controls

UNTOUCHED = "untouched"
EVENTS = 15  # drawn at most, the newest


def explore_forgetting(forgetting: Forgetting, user: int | None = None) -> go.Figure:
    """The place, among all items, of each item that was to be forgotten of a user, by every way to forget; in a live
    notebook under a menu of users. user: by default the one with the most forgotten events. UserError for a user of
    whom nothing is forgotten."""
    users = forgetting.users_forgotten()
    user = users[0] if user is None else user
    return controls.with_widgets(_figure(forgetting, user), lambda: _widgets(forgetting, users, user))


def _figure(forgetting: Forgetting, user: int) -> go.Figure:
    frame = forgetting.known(user).tail(EVENTS)
    ways, heights, figure = [name for name in frame if name != "title"], -np.arange(len(frame)), go.Figure()
    for n, way in enumerate(ways):
        color, size = (GREY, 15) if way == ORACLE else (COLORWAY[n % len(COLORWAY)], 10)
        figure.add_scatter(x=frame[way], y=heights, mode="markers", name=escape(way, 40),
                           marker={"color": color, "symbol": SYMBOLS[n % len(SYMBOLS)], "size": size},
                           hovertemplate=f"{escape(way, 40)}: place %{{x}}<extra></extra>")  # fmt: skip
    figure.update_xaxes(type="log")
    figure.update_yaxes(tickvals=heights, ticktext=[escape(title, 30) for title in frame["title"]])
    raw = escape(forgetting.bench.dataset.users[RAW].loc[user], 30)
    named = [way for way in (UNTOUCHED, ORACLE) if way in ways]
    middle = ", ".join(f"{frame[way].median():.0f} by {way}" for way in named)
    subtitle = "Near the oracle: as if it had never been seen. Farther right: driven away, which is another trace."
    title = f"User {raw}: the middle place of the forgotten items is {middle}"
    return finish(figure, title, subtitle=subtitle, x="place among all items", height=80 + 26 * len(frame))


def _widgets(forgetting: Forgetting, users: list[int], user: int):
    """A menu of users, and the figure."""
    menu = controls.dropdown("user", controls.user_options(forgetting.bench, users, user), user)
    area = controls.figure_area()

    def update() -> None:
        controls.show_figure(area, _figure(forgetting, menu.value))

    update()
    controls.on_change([menu], update)
    return controls.vbox(menu, area)
