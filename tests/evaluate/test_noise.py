"""Random items in test histories: how many, where, and what is lost by hand."""
from dataclasses import replace

import numpy as np
import pytest
from toys import make_histories

from workbench.data import Cases, Histories, Protocol, Split
from workbench.errors import UserError
from workbench.evaluate.noise import noise_drop, with_noise
from workbench.interfaces import Recommendations

N_ITEMS = 50


def cases(*rows: list[int], targets) -> Cases:
    plain = make_histories(*rows)
    times = {"timestamp": np.concatenate([np.arange(len(row)) * 10 for row in rows]).astype(np.int64)}
    return Cases(Histories(plain.offsets, plain.items, plain.users, times), np.asarray(targets, np.int32))


def test_a_fifth_of_the_length_rounded_up_is_put_in_and_the_rest_stays_in_order():
    clean = cases(list(range(1, 11)), [11], [], list(range(12, 23)), targets=[41, 42, 43, 44])
    noised = with_noise(clean, N_ITEMS, 0.2, np.random.default_rng(0)).histories
    assert (noised.lengths - clean.histories.lengths).tolist() == [2, 1, 0, 3]
    for row in range(4):
        left = list(noised.row(row))
        for item in clean.histories.row(row):  # a subsequence
            while left and left[0] != item:
                left.pop(0)
            assert left and left.pop(0) == item
        assert (np.diff(noised.times[noised.offsets[row] : noised.offsets[row + 1]]) >= 0).all()
    again = with_noise(clean, N_ITEMS, 0.2, np.random.default_rng(0)).histories
    other = with_noise(clean, N_ITEMS, 0.2, np.random.default_rng(1)).histories
    assert np.array_equal(noised.items, again.items) and not np.array_equal(noised.items, other.items)
    with pytest.raises(UserError, match="share=0"):
        with_noise(clean, N_ITEMS, 0, np.random.default_rng(0))


def test_places_are_everywhere_and_no_target_is_put_in():
    clean = cases(*[[1, 2, 3]] * 2_000, targets=[50] * 2_000)
    noised = with_noise(clean, N_ITEMS, 0.2, np.random.default_rng(0)).histories
    place = (noised.items.reshape(2_000, 4) != [1, 2, 3, 0]).argmax(1)
    assert (np.bincount(place, minlength=4) > 350).all(), "before the first event, between any two, after the last"
    assert 50 not in noised.items and noised.items.max() == 49


class LastThenOne:
    """Recommends the item after the last one of a history, then item 1, then others."""

    def recommend(self, histories, k, exclude=None):
        last = np.array([row[-1] if len(row) else 0 for row in map(histories.row, range(len(histories)))])
        first = last % N_ITEMS + 1
        rest = np.array([[item for item in range(1, N_ITEMS + 1) if item != own][: k - 1] for own in first])
        items = np.column_stack([first, rest])
        return Recommendations(items, -np.broadcast_to(np.arange(k, dtype=float), items.shape))


def test_what_is_lost_by_hand():
    rows, n = [[5, 7, 20 + i % 20] for i in range(300)], 300
    clean = cases(*rows, targets=[21 + i % 20 for i in range(n)])
    split = Split(clean.histories, clean, clean, n, N_ITEMS, replace(Protocol(), mask_history=False), "")
    seeds = {"one": [LastThenOne()], "again": [LastThenOne()] * 2}
    table = noise_drop(seeds, split, share=0.2, seed=3, metric="recall@1")
    assert table.system.tolist() == ["one", "again"] and table.clean.tolist() == [1, 1]
    kept = table.noised[0]
    assert 0.65 < kept < 0.85, "a quarter of the places is the end"
    assert table["drop"].tolist() == pytest.approx([1 - kept] * 2), "both see the same noise"
    assert table["loses less by"].tolist() == [0, 0] and table["from"][1] <= 0 <= table["to"][1]
    assert noise_drop({"one": [LastThenOne()]}, split, seed=3, metric="recall@1").noised[0] == kept
