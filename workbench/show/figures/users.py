"""One test user: the history with the held-out item, and what each run recommends."""
import numpy as np
import plotly.graph_objects as go

from workbench.data.schema import RAW
from workbench.errors import UserError, is_integer
from workbench.experiment import Bench
from workbench.experiment.browse.case_study import CaseStudy
from workbench.experiment.browse.users import row_of_user, user_events
from workbench.show.figures.cases import table_ranked_lists
from workbench.show.figures.dataset import dates
from workbench.show.tables import Table
from workbench.show.theme import BLUE, GREEN, GREY, VERMILLION, escape, finish, rows

PART_STYLES = {  # the part of an event: colour and symbol
    "train": (BLUE, "circle"), "history only": (GREY, "x"), "validation": (GREEN, "square"),
    "test": (VERMILLION, "star"),
}  # fmt: skip


def plot_history(bench: Bench, user: int, *, last: int = 20) -> go.Figure:
    """A user's last events with titles, newest at the bottom, over time where there are timestamps; symbols tell train,
    validation and test apart. UserError where the user has no test case."""
    if not is_integer(last, 1):
        raise UserError(f"last={last!r}: how many events are drawn, a whole number from 1")
    events = user_events(bench, user)
    shown = events.tail(last)
    x = dates(shown["time"].to_numpy().astype("datetime64[s]")) if "time" in shown else shown.index.to_numpy()
    figure = go.Figure()
    figure.add_scatter(x=x, y=np.arange(len(shown)), mode="lines", line={"color": GREY, "width": 1, "dash": "dot"},
                       hoverinfo="skip", showlegend=False)
    for part, (color, symbol) in PART_STYLES.items():
        places = np.flatnonzero((shown["part"] == part).to_numpy())
        if len(places):
            titles = [escape(title, 100) for title in shown["title"].iloc[places]]
            figure.add_scatter(x=x[places], y=places, mode="markers", name=part, customdata=titles,
                               hovertemplate="%{customdata}<extra></extra>",
                               marker={"color": color, "symbol": symbol, "size": 12 if symbol != "star" else 15})
    figure.update_yaxes(**rows(shown["title"].tolist()))
    raw = escape(bench.dataset.users[RAW].loc[user], 30)
    n, target = int((events["part"] == "test").sum()), escape(events["title"].iloc[-1], 44)
    title = f"User {raw}, {len(events):,} events; held out: {f'“{target}”' if n == 1 else f'{n} items'}"
    subtitle = "" if len(shown) == len(events) else f"The last {len(shown)} are shown."
    order = "place in an order drawn at random" if bench.protocol.random_order else "event (the data has no times)"
    axis = "time" if "time" in shown else order
    return finish(figure, title, subtitle=subtitle, x=axis, height=75 + 36 * len(shown))


def table_recommendations(bench: Bench, runs: list, user: int, *, k: int = 5) -> Table:
    """The top k items of each run for a user, side by side, with the held-out item marked ▶ and its rank below."""
    return table_ranked_lists(CaseStudy(bench, runs), row_of_user(bench, user), k=k)
