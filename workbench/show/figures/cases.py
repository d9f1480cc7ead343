"""One test case: the path from the last item to the target in the train graph, and what each run recommends. In a live
notebook widgets choose the case, its stratum and the number of events that are read."""
import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.evaluate.evaluation import DEPTH as LISTED
from workbench.experiment.browse.case_study import MAX_HOPS, CaseStudy
from workbench.show.tables import Table, table
from workbench.show.theme import BLUE, GREY, ORANGE, VERMILLION, escape, finish, shorten
from workbench.show.widgets import controls

SHOWN, LABEL = 7, 18  # items drawn at each distance, and characters of their labels
MAX_CASES = 400  # cases of a stratum that a slider runs over
HOP_NAMES = ("the last item", "1 hop: followed it", "2 hops", "3 hops", "farther")


def plot_case(cases: CaseStudy, row: int) -> go.Figure:
    """The last item of a case, items at each distance from it in the train graph, and the shortest path to the target.

    The path is a level line on top, under its labels and above all others, so that it crosses none. At each distance
    the items that followed the last one most often come next, then those with the most similar text.
    """
    distances, target, path = cases.distances(row), cases.target(row), cases.shortest_path(row)
    last, titles = int(cases.history(row).items[-1]), cases.item_index.titles
    places = {last: (0, 0.0)} | _places(distances.drop(index=last, errors="ignore"), {*path, target} - {last})
    figure = go.Figure()
    for a, b in zip(path, path[1:]):
        (x0, y0), (x1, y1) = places[a], places[b]
        figure.add_scatter(x=[x0, x1], y=[y0, y1], mode="lines", line={"color": ORANGE, "width": 3}, hoverinfo="skip",
                           showlegend=False)  # fmt: skip
    above, beside = "top right", "middle right"
    groups = {
        "last item": ([last], BLUE, "square", above), "on the path": (path[1:-1], ORANGE, "diamond", above),
        "target": ([target], VERMILLION, "star", beside if target != last else "bottom right"),
        "other items": ([item for item in places if item not in {last, target, *path}], GREY, "circle", beside),
    }  # fmt: skip
    for name, (items, color, symbol, side) in groups.items():
        if items:
            x, y = zip(*(places[item] for item in items))
            figure.add_scatter(x=x, y=y, mode="markers+text", name=name,
                               textposition=side, text=[escape(titles[i], LABEL) for i in items], textfont={"size": 11},
                               marker={"color": color, "symbol": symbol, "size": 13 if symbol == "star" else 10},
                               customdata=[_hover(distances, i, titles) for i in items], cliponaxis=False,
                               hovertemplate="%{customdata}<extra></extra>")  # fmt: skip
    sizes = [int((distances["hops"] == hops).sum()) for hops in range(1, MAX_HOPS + 2)]
    names = [HOP_NAMES[0], *(f"{name} ({size:,})" for name, size in zip(HOP_NAMES[1:], sizes))]
    figure.update_xaxes(tickvals=list(range(len(names))), ticktext=names, range=[-0.4, len(names)], showgrid=False,
                        side="top")  # fmt: skip
    figure.update_yaxes(visible=False, range=[SHOWN - 0.4, -0.8])
    distance = "the last item again" if target == last else _distance(path, sizes)
    title = f"“{escape(titles[target], 44)}” came next, {distance}"
    figure = finish(figure, title, subtitle="In brackets: the number of items at each distance.", height=330)
    room = 20  # for the names of the distances, which stand between the titles and the figure
    return figure.update_layout(height=figure.layout.height + room, margin_t=figure.layout.margin.t + room)


def _places(distances: pd.DataFrame, required: set[int]) -> dict[int, tuple[int, float]]:
    """The position (hops, height) of each item that is drawn. required: items that are drawn first."""
    places = {}
    for hops, group in distances.groupby("hops"):
        order = group.sort_values(["transitions", "similarity"], ascending=False, kind="stable").index
        forced = [item for item in order if item in required]
        others = [item for item in order if item not in required] if hops <= MAX_HOPS else []
        places |= {int(item): (int(hops), float(height)) for height, item in enumerate([*forced, *others][:SHOWN])}
    return places


def _hover(distances: pd.DataFrame, item: int, titles: np.ndarray) -> str:
    name = escape(titles[item], 70)
    if item not in distances.index:
        return f"{name}<br>the last item"
    row = distances.loc[item]
    similarity = "" if np.isnan(row["similarity"]) else f"<br>similarity of texts {row['similarity']:.2f}"
    return f"{name}<br>followed {int(row['transitions'])} times{similarity}"


def _distance(path: list[int], sizes: list[int]) -> str:
    if not path:
        return f"more than {MAX_HOPS} hops from the last item"
    hops = len(path) - 1
    return f"{hops} hop{'s' * (hops > 1)} from the last item, as are {sizes[hops - 1]:,} items"


def table_case_lists(cases: CaseStudy, row: int, *, length: int = 0, k: int = 10) -> Table:
    """The top k of each run after the last `length` events (0: all), the target marked ▶, and in brackets the hops of
    each item from the last one in the train graph."""
    lists, hops_of = cases.recommendations(row, length=length, k=k), cases.distances(row)["hops"]
    titles, target = cases.item_index.titles, cases.target(row)

    def cell(item: int) -> str:
        hops = int(hops_of.get(item, 0))
        distance = "itself" if not hops else f"{hops}" if hops <= MAX_HOPS else f">{MAX_HOPS}"
        return ("▶ " if item == target else "") + f"{shorten(titles[item], 40)} ({distance})"

    where = "marked ▶" if (lists == target).to_numpy().any() else "in none of these lists"
    caption = f"Target, {where}: {shorten(titles[target], 60)}. {_history(cases, row, length)}"
    return table(lists.map(cell), caption=caption, length=60)


def table_ranked_lists(cases: CaseStudy, row: int, *, k: int = 10) -> Table:
    """The top k of each run for a case, the held-out item marked ▶, and in the last row its rank in each."""
    lists, target, titles = cases.recommendations(row, k=k), cases.target(row), cases.item_index.titles
    shown = lists.map(lambda item: ("▶ " if item == target else "") + shorten(titles[item], 44)).rename(index=str)
    ranks = [int(run.ranks[row]) for run in cases.runs]
    shown.loc["held out"] = [f"rank {rank}" if rank else f"not in the top {LISTED}" for rank in ranks]
    caption = f"Held out, marked ▶: {shorten(titles[target], 80)}. {_history(cases, row)}"
    return table(shown.rename_axis("rank"), caption=caption)


def _history(cases: CaseStudy, row: int, length: int = 0) -> str:
    """The history of a case in a sentence."""
    titles = cases.item_index.titles[cases.history(row, length).items][::-1]
    newest = " · ".join(shorten(title, 30) for title in titles[:6])
    more = f", and {len(titles) - 6:,} before" if len(titles) > 6 else ""
    return f"History, newest first: {newest}{more}."


def explore_cases(cases: CaseStudy, row: int, *, length: int = 0) -> Table:
    """The top 10 of each run for a case after its last `length` events (0: all), with graph distances; in a live
    notebook widgets choose the stratum, the case and the number of events, and draw `plot_case`."""
    shown = table_case_lists(cases, row, length=length)
    return controls.with_widgets(shown, lambda: _widgets(cases, row, length))


def _widgets(cases: CaseStudy, row: int, length: int):
    counts = pd.Series([] if cases.strata is None else cases.strata, dtype=object).value_counts()
    options = [("all cases", ""), *((f"{name} ({count:,})", name) for name, count in counts.items())]
    stratum = controls.dropdown("stratum", options, "")
    place = controls.slider(0, 1, 0, follow=False)
    events = controls.slider(0, max(20, length), length)
    graph, lists = controls.figure_area(), controls.html_area()
    others = cases.rows_of_stratum()[:MAX_CASES]
    rows = {"": np.append(row, others[others != row])}

    def current_row() -> int:
        return int(rows[stratum.value][place.value])

    def update_stratum() -> None:
        if stratum.value not in rows:
            rows[stratum.value] = cases.rows_of_stratum(stratum.value)[:MAX_CASES]
        controls.set_case_count(place, len(rows[stratum.value]), update_case)

    def update_case() -> None:
        controls.show_figure(graph, plot_case(cases, current_row()))
        update_lists()

    def update_lists() -> None:
        controls.show_tables(lists, table_case_lists(cases, current_row(), length=events.value))

    update_stratum()
    controls.on_change([stratum], update_stratum)
    controls.on_change([place], update_case)
    controls.on_change([events], update_lists)
    case, length_control = controls.labelled("case", place), controls.labelled("last events (0: all)", events)
    return controls.vbox(stratum, case, graph, length_control, lists)
