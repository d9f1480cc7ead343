"""Two systems on the same test cases: how often one finds what the other misses, and single such cases side by side."""
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go

from workbench.errors import UserError, unknown
from workbench.evaluate.compare import places, same_protocol
from workbench.experiment import Run
from workbench.experiment.browse.case_study import Cases
from workbench.show.figures.cases import FEW, side_by_side
from workbench.show.tables import Table
from workbench.show.theme import BLUE, PURPLE, VERMILLION, dress, escape, rows
from workbench.show.widgets import controls

FINDERS = ("both", "only the first", "only the second", "neither")


def found_by(first: Run, second: Run, *, k: int = 10) -> np.ndarray:
    """(C,) for each test case who finds the item among k: both, only the first, only the second, or neither. Where
    codes collide, an item counts as found where it is likelier in the list than not. UserError where the two were asked
    different questions, or where k is deeper than their lists."""
    same_protocol([first, second])
    one, other = (places(run, f"recall@{k}") >= 0.5 for run in (first, second))
    return np.select([one & other, one, other], FINDERS[:3], FINDERS[3])


def overlap(first: Run, second: Run, *, k: int = 10) -> go.Figure:
    """How many test cases both systems find and one alone, and in words how many neither. UserError as `found_by`."""
    found = found_by(first, second, k=k)
    both, one, other, neither = (int((found == by).sum()) for by in FINDERS)
    names = ["both find it", f"only {first.label}", f"only {second.label}"]
    figure = go.Figure()
    for at, (count, color) in enumerate(((both, PURPLE), (one, BLUE), (other, VERMILLION))):
        figure.add_bar(x=[count], y=[at], orientation="h", showlegend=False, text=[f"{count:,}"], cliponaxis=False,
                       textposition="outside", marker={"color": color},
                       hovertemplate=f"{escape(names[at])}: %{{x:,}} ({count / len(found):.1%})<extra></extra>")
    figure.update_yaxes(**rows(names))
    a, b, by_chance = escape(first.label, 40), escape(second.label, 40), (both + one) * (both + other) / len(found)
    title = f"{a} finds {one:,} answers that {b} misses, and misses {other:,} that it finds"
    under = f"Found: among the first {k}. Neither finds {neither:,} of {len(found):,} ({neither / len(found):.0%}). "
    under += f"Two systems with nothing in common would both find {by_chance:,.0f}."
    return dress(figure, title, subtitle=under, x="test cases", height=180)


def cases_found(cases: Cases, by: str, *, k: int = 10) -> np.ndarray:
    """The rows of which `found_by` says this for the first two of `cases.runs`, all where `by` is empty; first come
    those that the first run has highest against the second. UserError where `by` is none of FINDERS, or where runs are
    missing."""
    if by and by not in FINDERS:
        raise unknown("group of cases", by, FINDERS)
    if len(cases.runs) < 2:
        raise UserError(f"two systems are compared; {len(cases.runs)} given")
    first, second = cases.runs[:2]
    gap = places(first, f"mrr@{k}") - places(second, f"mrr@{k}")
    order = np.argsort(-gap, kind="stable")
    return order[found_by(first, second, k=k)[order] == by] if by else order


def compare_runs(cases: Cases, *, by: str = FINDERS[1], k: int = 10) -> Table:
    """The first two runs of `cases` side by side on the first case that is found so, or of all where none is; in a live
    notebook controls above it choose two runs, who finds the cases, and the case. UserError as `cases_found`."""
    there = cases_found(cases, by, k=k)
    shown = side_by_side(_pair(cases, *list(cases.named)[:2]), int([*there, *cases_found(cases, "", k=k)][0]), k=k)
    controls.put(lambda: _comparator(cases, by, k))
    return shown


def _pair(cases: Cases, first: str, second: str) -> Cases:
    """The same cases with two of their runs, whose recommenders stay loaded."""
    return replace(cases, runs=[cases.named[first], cases.named[second]])


def _comparator(cases: Cases, by: str, k: int):
    names, chosen = list(cases.named), {}
    left, right = controls.menu("first system", names, names[0]), controls.menu("second system", names, names[1])
    which = controls.menu("found by", [("all cases", ""), *((name, name) for name in FINDERS)], by)
    place = controls.slider(0, 1, 0, follow=False)
    graph, page = controls.picture(), controls.page()

    def meet() -> None:
        """Other systems: count again who finds what."""
        chosen.clear()
        if left.value == right.value:
            return controls.say(page, "Choose two different systems.")
        chosen["pair"] = _pair(cases, left.value, right.value)
        controls.draw(graph, overlap(*chosen["pair"].runs, k=k))
        gather()

    def gather() -> None:
        """Other cases, from the first."""
        if chosen:
            chosen["rows"] = cases_found(chosen["pair"], which.value, k=k)[:FEW]
            controls.reach(place, len(chosen["rows"]), see)

    def see() -> None:
        if not chosen or not len(chosen["rows"]):
            return controls.say(page, "No test case is found so." if chosen else "Choose two different systems.")
        controls.fill(page, side_by_side(chosen["pair"], int(chosen["rows"][place.value]), k=k))

    meet()
    controls.when([left, right], meet)
    controls.when([which], gather)
    controls.when([place], see)
    return controls.stack(left, right, graph, which, controls.numbered("case", place), page)
