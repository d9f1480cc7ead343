"""Views of histories: shares, runs, multisets and columns, on random histories that include empty and short ones."""
from functools import partial

import numpy as np
import pytest
from toys import make_histories

from workbench.data import Histories
from workbench.recommenders.sequences.sequence_views import (
    MASK,
    crop,
    insert,
    mask,
    random_prefix,
    reorder,
    substitute,
    two_views,
)

N_ITEMS, SHARES = 500, (0.0, 0.29, 0.5, 0.8, 1.0)
NEIGHBOURS = (np.arange(N_ITEMS + 1)[:, None] + [1000, 2000, 3000]).astype(np.int64)
each_share = pytest.mark.parametrize("share", SHARES)


@pytest.fixture
def histories() -> Histories:
    """400 histories of 0 to 30 different items and one of 100, with a column that tells every event from all others."""
    rng = np.random.default_rng(0)
    rows = [rng.permutation(N_ITEMS)[: rng.integers(0, 31)] + 1 for _ in range(400)] + [np.arange(1, 101)]
    plain = make_histories(*[row.tolist() for row in rows])
    return Histories(plain.offsets, plain.items, plain.users, {"event": np.arange(len(plain.items))})


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def pairs(before: Histories, after: Histories):
    """The items of each history before and after, with the lengths and users checked."""
    assert len(before) == len(after) and np.array_equal(before.users, after.users)
    assert after.offsets[-1] == len(after.items) and after.items.dtype == before.items.dtype
    return [(before.row(i), after.row(i)) for i in range(len(before))]


@each_share
def test_a_mask_hides_its_share_and_leaves_the_rest_in_place(histories, share):
    view = mask(histories, rng(), share=share)
    for before, after in pairs(histories, view):
        assert (after == MASK).sum() == int(share * len(before) + 1e-9)
        assert np.array_equal(after[after != MASK], before[after != MASK])
    assert np.array_equal(view.columns["event"], histories.columns["event"])


def test_every_place_is_masked_equally_often():
    ten = make_histories(*[list(range(1, 11))] * 20_000)
    hidden = (mask(ten, rng(), share=0.3).items == MASK).reshape(-1, 10).mean(0)
    assert np.abs(hidden - 0.3).max() < 0.02


@each_share
def test_a_crop_is_a_run_of_its_share_and_never_empty(histories, share):
    view = crop(histories, rng(), share=share)
    for before, after in pairs(histories, view):
        assert len(after) == min(len(before), max(1, int(share * len(before) + 1e-9)))
        if len(after):
            start = int(np.flatnonzero(before == after[0])[0])
            assert np.array_equal(after, before[start : start + len(after)])
    assert np.array_equal(histories.items[view.columns["event"]], view.items)


@each_share
def test_reordering_keeps_the_multiset_and_moves_one_run_of_its_share(histories, share):
    view = reorder(histories, rng(), share=share)
    for before, after in pairs(histories, view):
        assert np.array_equal(np.sort(before), np.sort(after))
        moved = np.flatnonzero(before != after)
        assert not len(moved) or moved[-1] - moved[0] < int(share * len(before) + 1e-9)
    assert np.array_equal(histories.items[view.columns["event"]], view.items), "columns move with the events"


def test_crops_start_and_reorders_fall_anywhere():
    ten = make_histories(*[list(range(1, 11))] * 20_000)
    first = crop(ten, rng(), share=0.5).items.reshape(-1, 5)[:, 0]
    assert np.abs(np.bincount(first, minlength=7)[1:] / 20_000 - 1 / 6).max() < 0.02
    orders = reorder(make_histories(*[[1, 2, 3]] * 12_000), rng(), share=1.0).items.reshape(-1, 3)
    assert np.abs(np.unique(orders, axis=0, return_counts=True)[1] / 12_000 - 1 / 6).max() < 0.02


def test_substitution_by_0_is_the_identity_and_by_1_draws_every_neighbour(histories):
    same = substitute(histories, rng(), share=0.0, neighbours=NEIGHBOURS)
    assert np.array_equal(same.items, histories.items) and np.array_equal(same.offsets, histories.offsets)
    other = substitute(histories, rng(), share=1.0, neighbours=NEIGHBOURS)
    step = other.items - histories.items
    assert set(step.tolist()) == {1000, 2000, 3000}
    some = substitute(histories, rng(), share=0.2, neighbours=NEIGHBOURS).items != histories.items
    assert abs(some.mean() - 0.2) < 0.02


@each_share
def test_insertion_adds_its_share_and_keeps_the_order_of_the_rest(histories, share):
    view = insert(histories, rng(), share=share, n_items=N_ITEMS)
    events = view.columns["event"]
    new = np.append(events[:-1] == events[1:], False)
    assert np.array_equal(view.items[~new], histories.items), "without what is new it is the history"
    count = np.bincount(view.rows()[new], minlength=len(view))
    assert np.array_equal(count, np.floor(share * histories.lengths + 1e-9))
    assert ((view.items[new] >= 1) & (view.items[new] <= N_ITEMS)).all()
    assert all(after[-1] == before[-1] for before, after in pairs(histories, view) if len(before))


def test_two_views_are_of_different_kinds_and_all_kinds_occur(histories):
    kinds = [partial(substitute, share=1.0, neighbours=np.full((N_ITEMS + 1, 1), kind)) for kind in (601, 602, 603)]
    kinds.append(partial(crop, share=0.5))
    a, b = two_views(histories, kinds, rng())
    seen = set()
    for (before, one), other in zip(pairs(histories, a), map(b.row, range(len(b)))):
        if len(before) > 1:
            names = tuple(int(view[0]) if view[0] > N_ITEMS else 0 for view in (one, other))
            assert names[0] != names[1]
            seen.add(names)
    assert len(seen) == 12
    assert set(a.columns) == {"event"} and len(a.columns["event"]) == len(a.items)


def test_a_random_prefix_leaves_a_next_event(histories):
    for before, after in pairs(histories, random_prefix(histories, rng())):
        assert min(1, len(before)) <= len(after) <= max(1, len(before) - 1)
        assert np.array_equal(after, before[: len(after)])
    lengths = random_prefix(make_histories(*[[1, 2, 3, 4]] * 9000), rng()).lengths
    assert np.abs(np.bincount(lengths)[1:] / 9000 - 1 / 3).max() < 0.02


def test_a_generator_of_the_same_seed_draws_the_same_views(histories):
    views = [partial(mask, share=0.5), partial(crop, share=0.5), partial(reorder, share=0.8)]
    first, again, other = (two_views(histories, views, rng(seed)) for seed in (5, 5, 6))
    assert all(np.array_equal(x.items, y.items) for x, y in zip(first, again))
    assert not np.array_equal(first[0].items, other[0].items)
