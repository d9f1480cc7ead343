"""One user in the graph of train: the user, own items, users who share them, and what these have besides."""
import numpy as np
import plotly.graph_objects as go

from workbench.data.schema import RAW
from workbench.errors import UserError, is_integer
from workbench.experiment import Bench
from workbench.experiment.browse.graph_neighbourhood import GraphNeighbourhood
from workbench.show.theme import BLUE, GREEN, GREY, VERMILLION, escape, finish

COLUMNS = ("the user", "items of the user", "users who share some", "what they have besides")
STYLES = ((VERMILLION, "star"), (BLUE, "circle"), (GREY, "diamond"), (GREEN, "square"))


def plot_neighbourhood(bench: Bench, user: int, *, n: int = 8) -> go.Figure:
    """A user, and by columns at most n nodes one, two and three hops away, with the edges of train between neighbouring
    columns. Users stand in the order of how many items they share, items of the third hop in that of how many of
    these users have them. UserError where the user has no test case."""
    if not is_integer(n, 1, 30):
        raise UserError(f"n={n!r}: how many nodes of a column are drawn, 1 to 30")
    found = GraphNeighbourhood(bench, user)
    columns = [np.array([user]), *found.nearest(n)]
    most = max(map(len, columns))
    figure = go.Figure()
    figure.add_scatter(**_edges(found, columns), mode="lines", line={"color": GREY, "width": 0.7}, hoverinfo="skip",
                       showlegend=False)  # fmt: skip
    for place, (name, nodes, (color, symbol)) in enumerate(zip(COLUMNS, columns, STYLES)):
        is_item = place % 2
        labels = bench.dataset.titles(nodes) if is_item else bench.dataset.users[RAW].loc[nodes].tolist()
        texts = [escape(label, 100 if is_item else 30) for label in labels]
        held_out = is_item & np.isin(nodes, found.held_out)
        figure.add_scatter(x=np.full(len(nodes), place), y=-_heights(len(nodes), most), mode="markers", name=name,
                           customdata=[f"{text}{' (held out)' * int(held)}" for text, held in zip(texts, held_out)],
                           hovertemplate="%{customdata}<extra></extra>",
                           marker={"color": color, "symbol": symbol, "size": np.where(held_out, 17, 11)})  # fmt: skip
    figure.update_xaxes(tickvals=[0, 1, 2, 3], ticktext=["0", "1", "2", "3"], range=[-0.3, 3.3], showgrid=False)
    figure.update_yaxes(visible=False)
    raw = escape(bench.dataset.users[RAW].loc[user], 30)
    reached = int(np.isin(columns[3], found.held_out).sum())
    title = f"User {raw}: {reached} of {len(found.held_out)} held-out items are among those drawn three hops away"
    subtitle = f"At most {n} nodes of a column; a larger mark is a held-out item. Titles on hover."
    return finish(figure, title, subtitle=subtitle, x="hops in the graph of train", height=60 + 34 * most)


def _heights(count: int, n: int) -> np.ndarray:
    """(count,) places of the nodes of a column, which is centred among n."""
    return np.arange(count) + (n - count) / 2


def _edges(found: GraphNeighbourhood, columns: list[np.ndarray]) -> dict[str, list]:
    """Lines between neighbouring columns: x and y, with a gap after each."""
    n = max(map(len, columns))
    x, y = [], []
    for place in range(3):
        left, right = columns[place], columns[place + 1]
        users, items = (left, right) if place % 2 == 0 else (right, left)
        block = found.seen[users][:, items].toarray() > 0
        a, b = np.nonzero(block if place % 2 == 0 else block.T)
        x += [value for _ in a for value in (place, place + 1, None)]
        starts, ends = -_heights(len(left), n)[a], -_heights(len(right), n)[b]
        y += [value for start, end in zip(starts.tolist(), ends.tolist()) for value in (start, end, None)]
    return {"x": x, "y": y}
