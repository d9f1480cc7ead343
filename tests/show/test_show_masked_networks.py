"""What is asked of an explorer in other words than it takes: one sentence that says what was given and what is allowed.
"""
import numpy as np
import pytest

from workbench import show
from workbench.errors import UserError
from workbench.experiment.browse.case_study import Cases
from workbench.experiment.browse.item_index import Shelf

ODD = [0, -1, 1.5, "3", None, True]


@pytest.fixture(scope="module")
def desk(bench, runs):
    return Cases(bench, runs[:2])


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_counts_and_ids_are_whole_numbers(bench, runs, desk, value):
    shelf, user = Shelf(bench), int(show.typical_users(bench)[0])
    asked = [
        lambda: show.search(shelf, "tea", n=value), lambda: show.around(shelf, value),
        lambda: show.around(shelf, 1, k=value), lambda: show.explore_items(shelf, value),
        lambda: show.item_card(bench, value), lambda: show.side_by_side(desk, 0, k=value),
        lambda: show.compare_runs(desk, k=value), lambda: show.explore_answers(bench, runs[:1], user, k=value),
        lambda: show.explore_users(bench, n=value), lambda: show.history(bench, user, last=value),
    ]  # fmt: skip
    if value != 0:
        asked += [lambda: show.explore_cases(desk, value), lambda: show.explore_cases(desk, 0, length=value)]
    for ask in asked:
        with pytest.raises(UserError) as error:
            ask()
        assert str(value).lower() in str(error.value).lower()
    assert len(show.around(shelf, np.int64(1), k=np.int32(2)).cells) <= 2


@pytest.mark.parametrize("given", ["popularity", [None], None], ids=repr)
def test_runs_are_runs(bench, given):
    with pytest.raises(UserError, match="a list of runs"):
        Cases(bench, given)
