"""What a change of one history changes in its list."""
import numpy as np
import pytest
import torch
from torch import nn

from workbench.data import Histories
from workbench.errors import UserError
from workbench.experiment import open_bench
from workbench.experiment.browse.case_study import inspect_cases
from workbench.experiment.browse.history_changes import HistoryChanges, stretched
from workbench.interfaces import Recommendations


class NearestInTime:
    """Recommends the items after the number of whole days between the first and the last event."""

    def recommend(self, histories, k, exclude=None):
        days = (histories.times[histories.offsets[1:] - 1] - histories.times[histories.offsets[:-1]]) // 86400
        return Recommendations(1 + (days[:, None] + np.arange(k)) % 150, np.zeros((len(histories), k), np.float32))


@pytest.fixture(scope="module")
def cases():
    bench = open_bench("synthetic", profile="smoke")
    return inspect_cases(bench, [bench.fit("item_transitions"), bench.fit("popularity")])


def test_stretching_keeps_the_newest_event():
    histories = Histories(np.array([0, 3, 4]), np.array([1, 2, 3, 4], np.int32), np.arange(2, dtype=np.int32),
                          {"timestamp": np.array([0, 10, 40, 7])})  # fmt: skip
    assert stretched(histories, 2).times.tolist() == [-40, -20, 40, 7]
    assert stretched(histories, 0).times.tolist() == [40, 40, 40, 7]
    assert np.array_equal(stretched(histories, 1).times, histories.times)


def test_lists_follow_the_gaps_of_a_model_that_reads_them_and_of_no_other(cases):
    still = cases.changes(0).by_gaps((0, 1, 4))
    assert set(still.attrs["same"].values()) == {10} and (still.nunique(axis=1) == 1).all()
    changes = cases.changes(0)
    timed = HistoryChanges(NearestInTime(), changes.history, changes.target, changes.dataset, masked=False)
    frame = timed.by_gaps((0, 1, 16))
    assert frame.columns.tolist() == ["gaps x 0", "gaps x 1", "gaps x 16"]
    assert frame.attrs["same"]["gaps x 1"] == 10 and frame.attrs["same"]["gaps x 16"] < 10
    assert frame["gaps x 0"].iloc[0] == changes.dataset.titles(np.array([1]))[0]


def test_views_of_a_model_of_the_last_items_and_of_one_of_none(cases):
    same = cases.changes(0, "popularity").by_view()
    assert (same["in common"] == 10).all() and same["on top"].nunique() == 1
    views = cases.changes(0, "item_transitions").by_view()
    assert views.loc["as it is", "in common"] == 10
    assert views.loc["without its newest event", "in common"] < 10
    n = len(cases.history(0).items)
    assert views["events"].tolist()[:3] == [n, n - 1, (n + 1) // 2] and (views["events"].tolist()[4:] == [n] * 3)


def test_each_interest_has_its_items():
    class Two:
        """Two interests: the embeddings of items 3 and 7."""

        def __init__(self):
            torch.manual_seed(0)
            self.module = nn.Module()
            self.module.item = nn.Embedding(151, 64)
            self.module.item.weight.data = nn.functional.normalize(self.module.item.weight.data, dim=1)

        def states(self, histories):
            return self.module.item.weight[[3, 7]][None]

        def recommend(self, histories, k, exclude=None):
            return Recommendations(np.array([[3, 7, *range(20, 18 + k)]]), np.zeros((1, k), np.float32))

    bench = open_bench("synthetic", profile="smoke")
    history = bench.split.test.histories.take(np.array([0]))
    changes = HistoryChanges(Two(), history, 1, bench.dataset, masked=False, k=4)
    frame = changes.by_interest(3)
    assert frame.iloc[0].tolist() == list(bench.dataset.titles(np.array([3, 7])))
    assert sum(frame.attrs["of list"].values()) == 4 and min(frame.attrs["of list"].values()) >= 1


def test_wrong_arguments_are_one_error(cases):
    with pytest.raises(UserError, match="did you mean 'popularity'"):
        cases.changes(0, "popularit")
    with pytest.raises(UserError, match="inspect_cases"):
        inspect_cases(cases.bench).changes(0)
    with pytest.raises(UserError, match="from 0"):
        cases.changes(0).by_gaps((-1,))
    with pytest.raises(UserError, match="desmil"):
        cases.changes(0).by_interest()
    changes = cases.changes(0)
    untimed = Histories(changes.history.offsets, changes.history.items, changes.history.users)
    with pytest.raises(UserError, match="have no times"):
        HistoryChanges(changes.recommender, untimed, 1, changes.dataset, masked=False).by_gaps()
