"""Full ranking: one user's history never changes another user's list."""
import numpy as np
import pytest
from toys import make_histories

from workbench.data import Cases, Protocol, Split
from workbench.errors import UserError
from workbench.evaluate import evaluate
from workbench.evaluate.evaluation import distinct_items
from workbench.evaluate.top_k import top_k
from workbench.recommenders.count_based import CountBased

N_ITEMS = 30


def split_of(*histories: list[int], targets: list[int], masked: bool) -> Split:
    rows = make_histories(*histories)
    protocol = Protocol(mask_history=masked)
    cases = Cases(rows, np.array(targets))
    sizes = {"n_items": N_ITEMS, "n_users": len(rows)}
    return Split(train=rows, valid=cases, test=cases, protocol=protocol, data_hash="x", **sizes)


class LowestIds:
    """Recommends the lowest ids that may be shown, and keeps the lengths that were asked for."""

    def __init__(self):
        self.lengths = {}

    def recommend(self, histories, k, exclude=None):
        self.lengths |= {int(user): k for user in histories.users}
        return top_k(-np.tile(np.arange(N_ITEMS + 1.0), (len(histories), 1)), k, exclude)


def test_a_heavy_user_has_a_shorter_list_and_nobody_else():
    heavy = list(range(1, 28))  # 3 of 30 items are left
    split, model = split_of([1, 1, 2], heavy, [5], targets=[12, 30, 11], masked=True), LowestIds()
    ranks = evaluate(model, split.test, split, depth=10, quiet=True).ranks
    assert model.lengths == {0: 10, 1: 3, 2: 10} and ranks.tolist() == [10, 3, 10]
    alone = split_of([1, 1, 2], [5], targets=[12, 11], masked=True)
    assert evaluate(LowestIds(), alone.test, alone, depth=10, quiet=True).ranks.tolist() == [10, 10]


def test_without_a_mask_all_lists_are_equally_long():
    split, model = split_of([1], list(range(1, 31)), targets=[2, 3], masked=False), LowestIds()
    assert evaluate(model, split.test, split, depth=10, quiet=True).ranks.tolist() == [2, 3]
    assert set(model.lengths.values()) == {10}


def test_a_history_of_the_whole_catalogue_leaves_nothing():
    split = split_of(list(range(1, 31)), [2], targets=[1, 1], masked=True)
    with pytest.raises(UserError, match="whole catalogue"):
        evaluate(CountBased(lambda _: {}, lambda _: None), split.test, split, quiet=True)
    assert distinct_items(make_histories([1, 1, 2], [], [3])).tolist() == [2, 0, 1]
