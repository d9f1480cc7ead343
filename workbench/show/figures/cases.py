"""One test case in front of a person: where the answer lies in the train graph, and what was recommended instead. In a
live notebook menus and sliders choose the case, its stratum and how much of the history is read."""
import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.evaluate.evaluation import DEPTH as LISTED
from workbench.experiment.browse.case_study import DEPTH, Cases
from workbench.show.tables import Table, table
from workbench.show.theme import BLUE, GREY, ORANGE, VERMILLION, dress, escape, shorten
from workbench.show.widgets import controls

SHOWN = 7  # items of a ring that are drawn
FEW = 400  # cases of a stratum that a slider runs over
RINGS = ("the last item", "ring 1: followed it", "ring 2: two steps", "ring 3: three steps", "farther")


def case_rings(cases: Cases, row: int) -> go.Figure:
    """The last item, the best of each ring around it, and the way to the item that came next.

    In a ring the items that followed most often come first, then those whose text is most like the last item's.
    """
    rings, target, way = cases.rings(row), cases.target(row), cases.way(row)
    last, titles = int(cases.history(row).items[-1]), cases.shelf.titles
    places = {last: (0, 0.0)} | _placed(rings, {*way, target} - {last})
    figure = go.Figure()
    for a, b in zip(way, way[1:]):
        (x0, y0), (x1, y1) = places[a], places[b]
        figure.add_scatter(x=[x0, x1], y=[y0, y1], mode="lines", line={"color": ORANGE, "width": 3}, hoverinfo="skip",
                           showlegend=False)  # fmt: skip
    groups = {
        "last item": ([last], BLUE, "square"), "on the way": (way[1:-1], ORANGE, "diamond"),
        "came next": ([target], VERMILLION, "star"),
        "in the ring": ([item for item in places if item not in {last, target, *way}], GREY, "circle"),
    }  # fmt: skip
    for name, (items, color, symbol) in groups.items():
        if items:
            x, y = zip(*(places[item] for item in items))
            figure.add_scatter(x=x, y=y, mode="markers+text", name=name,
                               textposition="top right" if name == "on the way" else "middle right",
                               text=[escape(titles[i], 18) for i in items],
                               marker={"color": color, "symbol": symbol, "size": 13 if symbol == "star" else 10},
                               customdata=[_about(rings, i, titles) for i in items], cliponaxis=False,
                               hovertemplate="%{customdata}<extra></extra>")  # fmt: skip
    sizes = [int((rings["ring"] == ring).sum()) for ring in range(1, DEPTH + 2)]
    names = [RINGS[0], *(f"{name} ({size:,})" for name, size in zip(RINGS[1:], sizes))]
    figure.update_xaxes(tickvals=list(range(len(names))), ticktext=names, range=[-0.2, len(names)], showgrid=False,
                        side="top")  # fmt: skip
    figure.update_yaxes(visible=False, range=[SHOWN + 0.5, -0.8])
    title = f"“{escape(titles[target], 44)}” came next, {_where(rings, target, way, sizes)}"
    figure.update_layout(legend={"orientation": "h", "y": 0, "yanchor": "top"})
    figure = dress(figure, title, subtitle="Behind each ring's name: how many items it holds.", height=350)
    room = 20  # for the names of the rings, which stand between the words above and the figure
    return figure.update_layout(height=figure.layout.height + room, margin_t=figure.layout.margin.t + room)


def _placed(rings: pd.DataFrame, wanted: set[int]) -> dict[int, tuple[int, float]]:
    """Where the items that are drawn stand: (ring, height). wanted: drawn whatever their place in the ring."""
    places = {}
    for ring, part in rings.groupby("ring"):
        order = part.sort_values(["follows", "likeness"], ascending=False, kind="stable").index
        forced = [item for item in order if item in wanted]
        items = forced if ring > DEPTH else sorted({*order[: SHOWN - len(forced)], *forced}, key=list(order).index)
        places |= {int(item): (int(ring), float(height)) for height, item in enumerate(items)}
    return places


def _about(rings: pd.DataFrame, item: int, titles) -> str:
    name = escape(titles[item], 70)
    if item not in rings.index:
        return f"{name}<br>the last item"
    row = rings.loc[item]
    like = "" if np.isnan(row["likeness"]) else f"<br>likeness of texts {row['likeness']:.2f}"
    return f"{name}<br>followed {int(row['follows'])} times{like}"


def _where(rings: pd.DataFrame, target: int, way: list[int], sizes: list[int]) -> str:
    if not way:
        return f"more than {DEPTH} steps from the last item"
    steps = len(way) - 1
    return f"{steps} step{'s' * (steps > 1)} from the last item, with {sizes[steps - 1]:,} items as near"


def case_lists(cases: Cases, row: int, *, length: int = 0, k: int = 10) -> Table:
    """What each run recommends after the last `length` events (0: all), the item that came next marked, and in
    brackets how many steps each lies from the last item."""
    found, rings, target = cases.answers(row, length=length, k=k), cases.rings(row)["ring"], cases.target(row)
    titles = cases.shelf.titles

    def named(item: int) -> str:
        ring = int(rings.get(item, 0))
        far = "itself" if not ring else f"{ring}" if ring <= DEPTH else f">{DEPTH}"
        return ("▶ " if item == target else "") + f"{shorten(titles[item], 40)} ({far})"

    caption = f"Came next, marked ▶: {shorten(titles[target], 60)}. {_read(cases, row, length)}"
    return table(found.map(named), caption=caption, length=60)


def side_by_side(cases: Cases, row: int, *, k: int = 10) -> Table:
    """What each run recommends for a case, and below at which place it has the item that was held out, marked ▶."""
    found, target, titles = cases.answers(row, k=k), cases.target(row), cases.shelf.titles
    shown = found.map(lambda item: ("▶ " if item == target else "") + shorten(titles[item], 44)).rename(index=str)
    places = [int(run.ranks[row]) for run in cases.runs]
    shown.loc["held out"] = [f"place {place}" if place else f"not in the first {LISTED}" for place in places]
    caption = f"Held out, marked ▶: {shorten(titles[target], 80)}. {_read(cases, row)}"
    return table(shown.rename_axis("place"), caption=caption)


def _read(cases: Cases, row: int, length: int = 0) -> str:
    """The history of a case in a sentence."""
    read = cases.shelf.titles[cases.history(row, length).items][::-1]
    newest = " · ".join(shorten(title, 30) for title in read[:6])
    more = f", and {len(read) - 6:,} before" if len(read) > 6 else ""
    return f"Read, newest first: {newest}{more}."


def explore_cases(cases: Cases, row: int, *, length: int = 0) -> Table:
    """`case_lists` of a case; in a live notebook controls above it choose the stratum, the case and how many events are
    read, and `case_rings` is drawn with it."""
    shown = case_lists(cases, row, length=length)
    controls.put(lambda: _controls(cases, row, length))
    return shown


def _controls(cases: Cases, row: int, length: int):
    kinds = pd.Series([] if cases.labels is None else cases.labels, dtype=object).value_counts()
    options = [("all cases", ""), *((f"{name} ({count:,})", name) for name, count in kinds.items())]
    which = controls.menu("stratum", options, "")
    place = controls.slider(0, 1, 0, follow=False)
    events = controls.slider(0, max(20, length), length)
    graph, page = controls.picture(), controls.page()
    others = cases.of()[:FEW]
    rows = {"": np.append(row, others[others != row])}

    def chosen() -> int:
        return int(rows[which.value][place.value])

    def narrow() -> None:
        if which.value not in rows:
            rows[which.value] = cases.of(which.value)[:FEW]
        controls.reach(place, len(rows[which.value]), see)

    def see() -> None:
        controls.draw(graph, case_rings(cases, chosen()))
        answer()

    def answer() -> None:
        controls.fill(page, case_lists(cases, chosen(), length=events.value))

    narrow()
    controls.when([which], narrow)
    controls.when([place], see)
    controls.when([events], answer)
    case, read = controls.numbered("case", place), controls.numbered("read last (0: all events)", events)
    return controls.stack(which, case, graph, read, page)
