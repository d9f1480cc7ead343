"""Wrong arguments of widgets: an error that says what was given and what is allowed."""
import numpy as np
import pytest

from workbench import show
from workbench.errors import UserError
from workbench.experiment.browse.case_study import CaseStudy
from workbench.experiment.browse.item_index import ItemIndex
from workbench.show.figures.cases import table_ranked_lists
from workbench.show.widgets.items import table_neighbours

ODD = [0, -1, 1.5, "3", None, True]


@pytest.fixture(scope="module")
def study(bench, runs):
    return CaseStudy(bench, runs[:2])


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_counts_and_ids_are_whole_numbers(bench, runs, study, value):
    shelf, user = ItemIndex(bench), int(bench.typical_users()[0])
    calls = [
        lambda: shelf.find("tea", n=value), lambda: table_neighbours(shelf, value),
        lambda: table_neighbours(shelf, 1, k=value), lambda: show.explore_items(shelf, value),
        lambda: shelf.properties(value), lambda: table_ranked_lists(study, 0, k=value),
        lambda: show.explore_two_systems(study, k=value),
        lambda: show.explore_recommendations(bench, runs[:1], user, k=value),
        lambda: show.explore_users(bench, n=value), lambda: show.plot_history(bench, user, last=value),
    ]  # fmt: skip
    if value != 0:
        calls += [lambda: show.explore_cases(study, value), lambda: show.explore_cases(study, 0, length=value)]
    for ask in calls:
        with pytest.raises(UserError) as error:
            ask()
        assert str(value).lower() in str(error.value).lower()
    assert len(table_neighbours(shelf, np.int64(1), k=np.int32(2)).cells) <= 2


@pytest.mark.parametrize("given", ["popularity", [None], None], ids=repr)
def test_runs_are_runs(bench, given):
    with pytest.raises(UserError, match="a list of runs"):
        CaseStudy(bench, given)
