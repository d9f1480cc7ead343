"""Rewired pairs: degrees stay, ends do not, and no pair comes twice."""
import numpy as np

from workbench.data.bipartite import rewired_pairs


def distinct(rng, n_users: int, n_items: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    pairs = np.unique(np.stack([rng.integers(0, n_users, n), rng.geometric(0.02, n) % n_items + 1]), axis=1)
    return pairs[0], pairs[1].astype(np.int32)


def test_degrees_stay_and_ends_do_not():
    users, items = distinct(np.random.default_rng(0), 200, 300, 3_000)
    found_users, found = rewired_pairs(users, items, np.random.default_rng(1))
    assert np.array_equal(found_users, users) and np.array_equal(np.bincount(found), np.bincount(items))
    assert len(np.unique(np.stack([users, found]), axis=1).T) == len(users), "no pair twice"
    kept = set(zip(users.tolist(), items.tolist())) & set(zip(users.tolist(), found.tolist()))
    assert len(kept) < 0.25 * len(users), "popular items are had by many, so some pairs come about again"
    again = rewired_pairs(users, items, np.random.default_rng(1))[1]
    other = rewired_pairs(users, items, np.random.default_rng(2))[1]
    assert np.array_equal(found, again) and not np.array_equal(found, other)


def test_what_cannot_be_exchanged_stays():
    for users, items in (([0], [3]), ([0, 0], [1, 2]), ([], [])):
        pairs = np.array(users, np.int64), np.array(items, np.int32)
        found = rewired_pairs(*pairs, np.random.default_rng(0))
        assert sorted(found[1].tolist()) == sorted(items)
