"""Two systems on the same test cases: how many targets both hit, or one alone, and their lists case by case."""
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go

from workbench.data.protocol import require_one_target
from workbench.errors import UserError, unknown_name
from workbench.evaluate.compare import check_same_protocol, rising_note
from workbench.experiment import Run
from workbench.experiment.browse.case_study import CaseStudy
from workbench.show.figures.cases import MAX_CASES, table_ranked_lists
from workbench.show.tables import Table
from workbench.show.theme import BLUE, PURPLE, VERMILLION, escape, finish, rows
from workbench.show.widgets import controls

GROUPS = ("both", "only the first", "only the second", "neither")


def hit_groups(first: Run, second: Run, *, k: int = 10) -> np.ndarray:
    """(C,) the group of each test case by who has the target in the top k: both, only the first, only the second, or
    neither. Where codes collide, a hit is an expected recall of 0.5 or more. UserError where the protocols differ, or
    where k exceeds the length of the lists."""
    check_same_protocol([first, second])
    require_one_target(first.info["protocol"]["split"], "counting the targets that two systems hit")
    one, other = (run.per_case(f"recall@{k}") >= 0.5 for run in (first, second))
    return np.select([one & other, one, other], GROUPS[:3], GROUPS[3])


def plot_overlap(first: Run, second: Run, *, k: int = 10) -> go.Figure:
    """How many test cases both systems hit in the top k, and each alone; the subtitle counts those that neither hits.
    UserError as `hit_groups`."""
    groups = hit_groups(first, second, k=k)
    both, one, other, neither = (int((groups == group).sum()) for group in GROUPS)
    names = ["both hit", f"only {first.label}", f"only {second.label}"]
    figure = go.Figure()
    for n, (count, color) in enumerate(((both, PURPLE), (one, BLUE), (other, VERMILLION))):
        figure.add_bar(x=[count], y=[n], orientation="h", showlegend=False, text=[f"{count:,}"], cliponaxis=False,
                       textposition="outside", marker={"color": color},
                       hovertemplate=f"{escape(names[n])}: %{{x:,}} ({count / len(groups):.1%})<extra></extra>")
    figure.update_yaxes(**rows(names))
    a, b, by_chance = escape(first.label, 40), escape(second.label, 40), (both + one) * (both + other) / len(groups)
    title = f"{a} hits {one:,} targets that {b} misses, and misses {other:,} that it hits"
    subtitle = f"A hit is in the top {k}. Neither hits {neither:,} of {len(groups):,} ({neither / len(groups):.0%}). "
    subtitle += f"Two independent systems would both hit {by_chance:,.0f}."
    title = escape(rising_note([first, second]), 200) or title
    return finish(figure, title, subtitle=subtitle, x="test cases", height=180)


def cases_in_group(cases: CaseStudy, group: str, *, k: int = 10) -> np.ndarray:
    """The rows of a group of `hit_groups` for the first two of `cases.runs`, all rows where it is empty, by how far the
    first run is ahead in mrr@k. UserError where there is no such group, or fewer than two runs."""
    if group and group not in GROUPS:
        raise unknown_name("group of cases", group, GROUPS)
    if len(cases.runs) < 2:
        raise UserError(f"two systems are compared; {len(cases.runs)} given")
    first, second = cases.runs[:2]
    gap = first.per_case(f"mrr@{k}") - second.per_case(f"mrr@{k}")
    order = np.argsort(-gap, kind="stable")
    return order[hit_groups(first, second, k=k)[order] == group] if group else order


def explore_two_systems(cases: CaseStudy, *, group: str = GROUPS[1], k: int = 10) -> Table:
    """The top k of the first two runs on the first case of a group (of all, where it is empty); in a live notebook
    widgets choose the two runs, the group and the case. UserError as `cases_in_group`."""
    row = int([*cases_in_group(cases, group, k=k), *cases_in_group(cases, "", k=k)][0])
    shown = table_ranked_lists(_pair(cases, *list(cases.runs_by_label)[:2]), row, k=k)
    return controls.with_widgets(shown, lambda: _widgets(cases, group, k))


def _pair(cases: CaseStudy, first: str, second: str) -> CaseStudy:
    """The same cases with two of their runs, whose recommenders stay loaded."""
    return replace(cases, runs=[cases.runs_by_label[first], cases.runs_by_label[second]])


def _widgets(cases: CaseStudy, group: str, k: int):
    names, state = list(cases.runs_by_label), {}
    left = controls.dropdown("first system", names, names[0])
    right = controls.dropdown("second system", names, names[1])
    group_menu = controls.dropdown("hit by", [("all cases", ""), *((name, name) for name in GROUPS)], group)
    place = controls.slider(0, 1, 0, follow=False)
    graph, lists = controls.figure_area(), controls.html_area()

    def update_systems() -> None:
        state.clear()
        if left.value == right.value:
            return controls.show_text(lists, "Choose two different systems.")
        state["pair"] = _pair(cases, left.value, right.value)
        controls.show_figure(graph, plot_overlap(*state["pair"].runs, k=k))
        update_group()

    def update_group() -> None:
        if state:
            state["rows"] = cases_in_group(state["pair"], group_menu.value, k=k)[:MAX_CASES]
            controls.set_case_count(place, len(state["rows"]), update_case)

    def update_case() -> None:
        if not state or not len(state["rows"]):
            text = "No test case is in this group." if state else "Choose two different systems."
            return controls.show_text(lists, text)
        controls.show_tables(lists, table_ranked_lists(state["pair"], int(state["rows"][place.value]), k=k))

    update_systems()
    controls.on_change([left, right], update_systems)
    controls.on_change([group_menu], update_group)
    controls.on_change([place], update_case)
    return controls.vbox(left, right, graph, group_menu, controls.labelled("case", place), lists)
