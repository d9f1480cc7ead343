"""One user at a time: what this person chose, what was held out, and what the systems would have recommended."""
import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.data.schema import RAW
from workbench.errors import UserError, whole
from workbench.experiment import Bench
from workbench.experiment.browse.case_study import Cases
from workbench.show.figures.cases import side_by_side
from workbench.show.figures.dataset import dates
from workbench.show.tables import Table
from workbench.show.theme import BLUE, GREEN, GREY, VERMILLION, dress, escape, rows

PARTS = {  # how events take part: colour and symbol
    "train": (BLUE, "circle"), "history alone": (GREY, "x"), "validation": (GREEN, "square"),
    "test": (VERMILLION, "star"),
}  # fmt: skip


def typical_users(bench: Bench, n: int = 50) -> np.ndarray:
    """(n,) ids of test users whose histories are of middling length, in the order of their ids, which are hashes.
    UserError where n is no number of users."""
    if not whole(n, 1):
        raise UserError(f"n={n!r}: how many users are listed, a whole number from 1")
    histories = bench.split.test.histories
    low, high = np.quantile(histories.lengths, [0.4, 0.8])
    return histories.users[(histories.lengths >= low) & (histories.lengths <= high)][:n]


def row_of(bench: Bench, user: int) -> int:
    """The test case of a user; UserError where there is none."""
    found = np.flatnonzero(bench.split.test.histories.users == user)
    if not len(found):
        raise UserError(f"user {user} has no test case; show.typical_users(bench) lists some that have")
    return int(found[0])


def events(bench: Bench, user: int) -> pd.DataFrame:
    """A test user's events, oldest first: title, part, time where known. part: train, validation, test, or history
    alone, which is read when the user is asked about and never trained on."""
    split, row = bench.split, row_of(bench, user)
    test = split.test.histories
    items = np.append(test.row(row), split.test.targets[row])
    trained = int(split.train.lengths[user])
    part = np.where(np.arange(len(items)) < trained, "train", "history alone").astype(object)
    for at in np.flatnonzero(split.valid.histories.users == user):
        part[split.valid.histories.lengths[at]] = "validation"
    part[-1] = "test"
    frame = pd.DataFrame({"title": bench.dataset.titles(items), "part": part})
    if test.times is not None:
        times = np.append(test.times[test.offsets[row] : test.offsets[row + 1]], split.test.times[row])
        frame["time"] = pd.to_datetime(times, unit="s")
    return frame.set_index(pd.RangeIndex(1, len(frame) + 1, name="event"))


def history(bench: Bench, user: int, *, last: int = 20) -> go.Figure:
    """A user's last events with titles, the newest at the bottom, over time where there are times."""
    if not whole(last, 1):
        raise UserError(f"last={last!r}: how many events are drawn, a whole number from 1")
    known = events(bench, user)
    shown = known.tail(last)
    x = dates(shown["time"].to_numpy().astype("datetime64[s]")) if "time" in shown else shown.index.to_numpy()
    figure = go.Figure()
    figure.add_scatter(x=x, y=np.arange(len(shown)), mode="lines", line={"color": GREY, "width": 1, "dash": "dot"},
                       hoverinfo="skip", showlegend=False)
    for part, (color, symbol) in PARTS.items():
        at = np.flatnonzero((shown["part"] == part).to_numpy())
        if len(at):
            figure.add_scatter(x=x[at], y=at, mode="markers", name=part, hovertemplate="%{customdata}<extra></extra>",
                               customdata=[escape(title, 100) for title in shown["title"].iloc[at]],
                               marker={"color": color, "symbol": symbol, "size": 12 if symbol != "star" else 15})
    figure.update_yaxes(**rows(shown["title"].tolist()))
    raw = escape(bench.dataset.users[RAW].loc[user], 30)
    asked = escape(known["title"].iloc[-1], 44)
    title = f"User {raw}, {len(known):,} events; held out: “{asked}”"
    subtitle = "" if len(shown) == len(known) else f"The last {len(shown)} are shown."
    drawn = "place in an order drawn at random" if bench.protocol.split == "random" else "event (the data has no times)"
    axis = "time" if "time" in shown else drawn
    return dress(figure, title, subtitle=subtitle, x=axis, height=75 + 26 * len(shown))


def answers(bench: Bench, runs: list, user: int, *, k: int = 5) -> Table:
    """What each run would have shown a user, side by side; the item that was held out is marked."""
    return side_by_side(Cases(bench, runs), row_of(bench, user), k=k)
