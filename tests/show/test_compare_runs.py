"""Two systems case by case: the groups add up, the cases shown are of their group, and the controls follow."""
import numpy as np
import pandas as pd
import pytest
from hostile_shop import TABLE, Cells, check_literal

from workbench import evaluate, experiment, show
from workbench.errors import UserError
from workbench.experiment.browse.case_study import Cases
from workbench.show.widgets import compare_runs as faces


@pytest.fixture(scope="module")
def desk(bench, runs):
    return Cases(bench, runs[:3])


def test_groups_add_up_to_what_each_finds(runs):
    first, second = runs[0], runs[2]
    found = show.found_by(first, second)
    assert set(found) <= set(faces.FINDERS) and len(found) == len(first.ranks)
    for run, alone in ((first, "only the first"), (second, "only the second")):
        assert np.isin(found, ["both", alone]).sum() == round(run.metrics["recall@10"] * len(found))
    assert (show.found_by(first, first) == np.where((first.ranks > 0) & (first.ranks <= 10), "both", "neither")).all()
    swapped = pd.Series(show.found_by(second, first, k=5)).value_counts()
    counted = pd.Series(show.found_by(first, second, k=5)).value_counts()
    assert swapped.get("only the first", 0) == counted.get("only the second", 0)


def test_the_figure_says_who_finds_what(runs):
    figure = show.overlap(runs[0], runs[2])
    found, title = pd.Series(show.found_by(runs[0], runs[2])).value_counts(), figure.layout.title
    assert [bar.x[0] for bar in figure.data] == [found.get(sort, 0) for sort in faces.FINDERS[:3]]
    assert title.text.startswith(f"popularity finds {found.get('only the first', 0)} answers that item_tr")
    assert f"Neither finds {found['neither']} of {len(runs[0].ranks)}" in title.subtitle.text.replace("<br>", " ")
    check_literal(figure)


def test_cases_of_a_sort_begin_where_the_first_is_furthest_ahead(desk):
    first, second = desk.runs[:2]
    rows = show.cases_found(desk, "only the first")
    assert sorted(rows) == np.flatnonzero(show.found_by(first, second) == "only the first").tolist()
    gap = evaluate.per_case("mrr@10", first.ranks) - evaluate.per_case("mrr@10", second.ranks)
    assert (np.diff(gap[show.cases_found(desk, "")]) <= 0).all() and len(show.cases_found(desk, "")) == len(gap)


def test_side_by_side_shows_history_lists_and_places(desk, bench):
    row = int(show.cases_found(desk, "only the first")[0])
    table = show.side_by_side(desk, row)
    place = int(desk.runs[0].ranks[row])
    assert table.cells[place - 1][1].startswith("▶ ") and table.cells[-1][1] == f"place {place}"
    assert not any("▶" in line[2] for line in table.cells) and table.cells[-1][0] == "held out"
    read = bench.split.test.histories.row(row)
    assert show.theme.shorten(bench.dataset.titles(read[-1:])[0], 30) in table.caption
    assert {tag for tag, _ in Cells(table._repr_html_()).tags} <= {*TABLE, "p"}


def test_the_comparator_follows_its_controls(desk):
    left, right, graph, which, case, page = faces._comparator(desk, "only the first", 10).children
    number, place = case.children

    def wanted(names: tuple[str, str], sort: str, at: int = 0) -> str:
        pair = Cases(desk.bench, [desk.named[name] for name in names])
        return show.side_by_side(pair, int(show.cases_found(pair, sort)[at]))._repr_html_()

    names = tuple(desk.named)
    assert page.value == wanted(names[:2], "only the first")
    place.value = 1
    assert page.value == wanted(names[:2], "only the first", 1)
    which.value = "neither"
    assert place.value == number.value == 0 and number.max == len(show.cases_found(desk, "neither")) - 1
    assert page.value == wanted(names[:2], "neither")
    right.value = names[2]
    assert page.value == wanted((names[0], names[2]), "neither")
    assert graph.outputs[0]["data"]["text/plain"] == show.overlap(desk.runs[0], desk.runs[2]).layout.title.text
    left.value = names[2]
    assert page.value == "Choose two different systems."
    which.value = "both"
    place.value = 0
    assert page.value == "Choose two different systems."
    left.value = names[1]
    assert page.value == wanted((names[1], names[2]), "both")


def test_the_first_such_case_stands_alone_without_a_browser(desk, monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.setattr(faces, "_comparator", None)
    row = int(show.cases_found(desk, "only the first")[0])
    assert show.compare_runs(desk) == show.side_by_side(Cases(desk.bench, desk.runs[:2]), row)


def test_a_sort_without_cases_says_so(desk, bench):
    twin = bench.fit("popularity"), bench.fit("item_knn", shrinkage=20.0)
    same = Cases(bench, [twin[0], twin[1]])
    same.runs[1].__dict__["_cases"] = {"ranks": twin[0].ranks}
    *_, case, page = faces._comparator(same, "only the first", 10).children
    assert page.value == "No test case is found so." and all(control.disabled for control in case.children)
    assert show.compare_runs(same).cells[-1][1] == show.side_by_side(same, 0).cells[-1][1]


def test_refusals(desk, bench, runs, timeless):
    with pytest.raises(UserError, match="did you mean 'neither'"):
        show.compare_runs(desk, by="neiter")
    with pytest.raises(UserError, match="two systems are compared; 1 given"):
        show.compare_runs(Cases(bench, runs[:1]))
    with pytest.raises(UserError, match="given twice"):
        show.compare_runs(Cases(bench, [runs[0], runs[0]]))
    masked = experiment.open_bench("csv", profile="smoke", options=bench.options, protocol={"mask_history": True})
    with pytest.raises(UserError, match="mask_history"):
        show.overlap(runs[0], masked.fit("item_knn"))


def test_another_person_is_asked_about(bench, runs, listening, monkeypatch):
    users = show.typical_users(bench, 4).tolist()
    assert show.explore_answers(bench, runs[:2], users[0]) == show.answers(bench, runs[:2], users[0])
    who, graph, page = listening[0].children
    assert page.value == show.answers(bench, runs[:2], users[0])._repr_html_()
    who.value = users[2]
    assert page.value == show.answers(bench, runs[:2], users[2])._repr_html_()
    assert graph.outputs[0]["data"]["text/plain"] == show.history(bench, users[2]).layout.title.text
    monkeypatch.delenv("JPY_SESSION_NAME")
    assert show.explore_answers(bench, runs[:2], users[1]) == show.answers(bench, runs[:2], users[1])
    assert len(listening) == 2
