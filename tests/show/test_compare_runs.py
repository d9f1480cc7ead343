"""Two systems case by case: the groups add up, the cases shown are of their group, and the widgets update."""
import numpy as np
import pandas as pd
import pytest
from hostile_titles import TABLE, Cells, check_literal

from workbench import evaluate, experiment, show
from workbench.errors import UserError
from workbench.experiment.browse.case_study import CaseStudy
from workbench.show.figures.cases import table_ranked_lists
from workbench.show.figures.users import table_recommendations
from workbench.show.theme import shorten
from workbench.show.widgets import compare_runs
from workbench.show.widgets.compare_runs import GROUPS, cases_in_group, hit_groups


@pytest.fixture(scope="module")
def study(bench, runs):
    return CaseStudy(bench, runs[:3])


def test_groups_add_up_to_the_hits_of_each(runs):
    first, second = runs[0], runs[2]
    groups = hit_groups(first, second)
    assert set(groups) <= set(GROUPS) and len(groups) == len(first.ranks)
    for run, alone in ((first, "only the first"), (second, "only the second")):
        assert np.isin(groups, ["both", alone]).sum() == round(run.metrics["recall@10"] * len(groups))
    assert (hit_groups(first, first) == np.where((first.ranks > 0) & (first.ranks <= 10), "both", "neither")).all()
    swapped = pd.Series(hit_groups(second, first, k=5)).value_counts()
    counted = pd.Series(hit_groups(first, second, k=5)).value_counts()
    assert swapped.get("only the first", 0) == counted.get("only the second", 0)


def test_the_overlap_figure_counts_the_groups(runs):
    figure = show.plot_overlap(runs[0], runs[2])
    counts, title = pd.Series(hit_groups(runs[0], runs[2])).value_counts(), figure.layout.title
    assert [bar.x[0] for bar in figure.data] == [counts.get(group, 0) for group in GROUPS[:3]]
    assert title.text.startswith(f"popularity hits {counts.get('only the first', 0)} targets that item_tr")
    assert f"Neither hits {counts['neither']} of {len(runs[0].ranks)}" in title.subtitle.text.replace("<br>", " ")
    check_literal(figure)


def test_cases_of_a_group_are_ordered_by_the_lead_of_the_first(study):
    first, second = study.runs[:2]
    rows = cases_in_group(study, "only the first")
    assert sorted(rows) == np.flatnonzero(hit_groups(first, second) == "only the first").tolist()
    gap = evaluate.per_case("mrr@10", first.ranks) - evaluate.per_case("mrr@10", second.ranks)
    assert (np.diff(gap[cases_in_group(study, "")]) <= 0).all() and len(cases_in_group(study, "")) == len(gap)


def test_ranked_lists_show_history_lists_and_ranks(study, bench):
    row = int(cases_in_group(study, "only the first")[0])
    table = table_ranked_lists(study, row)
    rank = int(study.runs[0].ranks[row])
    assert table.cells[rank - 1][1].startswith("▶ ") and table.cells[-1][1] == f"rank {rank}"
    assert not any("▶" in line[2] for line in table.cells) and table.cells[-1][0] == "held out"
    history = bench.split.test.histories.row(row)
    assert shorten(bench.dataset.titles(history[-1:])[0], 30) in table.caption
    assert {tag for tag, _ in Cells(table._repr_html_()).tags} <= {*TABLE, "p"}


def test_the_widgets_update(study):
    left, right, graph, which, case, page = compare_runs._widgets(study, "only the first", 10).children
    number, place = case.children

    def expected(names: tuple[str, str], group: str, n: int = 0) -> str:
        pair = CaseStudy(study.bench, [study.runs_by_label[name] for name in names])
        return table_ranked_lists(pair, int(cases_in_group(pair, group)[n]))._repr_html_()

    names = tuple(study.runs_by_label)
    assert page.value == expected(names[:2], "only the first")
    place.value = 1
    assert page.value == expected(names[:2], "only the first", 1)
    which.value = "neither"
    assert place.value == number.value == 0 and number.max == len(cases_in_group(study, "neither")) - 1
    assert page.value == expected(names[:2], "neither")
    right.value = names[2]
    assert page.value == expected((names[0], names[2]), "neither")
    assert graph.outputs[0]["data"]["text/plain"] == show.plot_overlap(study.runs[0], study.runs[2]).layout.title.text
    left.value = names[2]
    assert page.value == "Choose two different systems."
    which.value = "both"
    place.value = 0
    assert page.value == "Choose two different systems."
    left.value = names[1]
    assert page.value == expected((names[1], names[2]), "both")


def test_the_first_case_is_shown_without_a_browser(study, monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.setattr(compare_runs, "_widgets", None)
    row = int(cases_in_group(study, "only the first")[0])
    assert show.explore_two_systems(study) == table_ranked_lists(CaseStudy(study.bench, study.runs[:2]), row)


def test_an_empty_group_says_so(study, bench):
    twin = bench.fit("popularity"), bench.fit("item_knn", shrinkage=20.0)
    same = CaseStudy(bench, [twin[0], twin[1]])
    same.runs[1].__dict__["_cases"] = {"ranks": twin[0].ranks}
    *_, case, page = compare_runs._widgets(same, "only the first", 10).children
    assert page.value == "No test case is in this group." and all(control.disabled for control in case.children)
    assert show.explore_two_systems(same).cells[-1][1] == table_ranked_lists(same, 0).cells[-1][1]


def test_refusals(study, bench, runs, timeless):
    with pytest.raises(UserError, match="did you mean 'neither'"):
        show.explore_two_systems(study, group="neiter")
    with pytest.raises(UserError, match="two systems are compared; 1 given"):
        show.explore_two_systems(CaseStudy(bench, runs[:1]))
    with pytest.raises(UserError, match="given twice"):
        show.explore_two_systems(CaseStudy(bench, [runs[0], runs[0]]))
    masked = experiment.open_bench("csv", profile="smoke", options=bench.options, protocol={"mask_history": True})
    with pytest.raises(UserError, match="mask_history"):
        show.plot_overlap(runs[0], masked.fit("item_knn"))


def test_another_user_is_chosen(bench, runs, in_notebook, monkeypatch):
    users = bench.typical_users(4).tolist()
    assert show.explore_recommendations(bench, runs[:2], users[0]) == table_recommendations(bench, runs[:2], users[0])
    who, graph, page = in_notebook[0].children
    assert page.value == table_recommendations(bench, runs[:2], users[0])._repr_html_()
    who.value = users[2]
    assert page.value == table_recommendations(bench, runs[:2], users[2])._repr_html_()
    assert graph.outputs[0]["data"]["text/plain"] == show.plot_history(bench, users[2]).layout.title.text
    monkeypatch.delenv("JPY_SESSION_NAME")
    assert show.explore_recommendations(bench, runs[:2], users[1]) == table_recommendations(bench, runs[:2], users[1])
    assert len(in_notebook) == 2
