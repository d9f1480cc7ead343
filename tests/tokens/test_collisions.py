"""Collision policies: an appended code in order of ids, or the nearest free code."""
import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import tokens
from workbench.data import datasets
from workbench.tokens import RQKMeans, collisions, reassignment


def tables(most=4):
    """Codes (I, 2) below 4 a level."""
    pair = st.tuples(st.integers(0, most - 1), st.integers(0, 3))
    return st.lists(pair, min_size=1, max_size=40).map(lambda rows: np.array(rows, np.int32))


def groups(codes):
    """Items (0-based) of each code, by its tuple."""
    result = {}
    for item, row in enumerate(map(tuple, codes.tolist())):
        result.setdefault(row, []).append(item)
    return result


@given(tables())
@settings(deadline=None, max_examples=80)
def test_dedup_numbers_every_group_in_the_order_of_ids(codes):
    out, sizes = collisions.append_dedup_code(codes, (4, 4))
    largest = max(map(len, groups(codes).values()))
    if largest == 1:
        assert out is codes and sizes == (4, 4), "unique codes stay as they are"
        return
    assert sizes == (4, 4, largest) and np.array_equal(out[:, :2], codes) and out.dtype == codes.dtype
    for items in groups(codes).values():
        assert out[items, 2].tolist() == list(range(len(items)))
    assert len(groups(out)) == len(out)


def world(n=40, seed=0):
    """Codes (I, 2) of 3 x 8 with many collisions, and the distances of each item to the eight last codes."""
    rng = np.random.default_rng(seed)
    far = rng.random((n, 8))
    codes = np.column_stack([rng.integers(0, 3, n), far.argmin(1)]).astype(np.int32)
    return codes, far


@pytest.mark.parametrize("seed", range(5))
def test_nearest_makes_unique_where_there_is_room(seed):
    codes, far = world(n=12, seed=seed)
    assert len(groups(codes)) < 12
    out = reassignment.assign_nearest_free(codes, (3, 8), lambda items: far[items])
    assert len(groups(out)) == 12 and np.array_equal(out[:, 0], codes[:, 0]), "the prefix is never changed"
    for items in groups(codes).values():
        best = min(items, key=lambda item: far[item, codes[item, 1]])
        assert out[best].tolist() == codes[best].tolist(), "the best fit keeps the code"
        assert all((out[item] == codes[item]).all() == (item == best) for item in items)


@pytest.mark.parametrize("seed", range(5))
def test_nearest_gives_the_nearest_free_code(seed):
    """Against the rule as one would do it by hand: the collided, best fit first, each to what is free."""
    codes, far = world(n=14, seed=seed)
    out, taken = codes.copy(), {tuple(row) for row in codes.tolist()}
    fit = far[np.arange(14), codes[:, 1]]
    moved = [i for items in groups(codes).values() for i in sorted(items, key=lambda item: fit[item])[1:]]
    for item in sorted(moved, key=lambda item: fit[item]):
        free = [code for code in np.argsort(far[item]) if (codes[item, 0], code) not in taken]
        if free:
            out[item, 1] = free[0]
            taken.add((codes[item, 0], free[0]))
    assert moved and np.array_equal(reassignment.assign_nearest_free(codes, (3, 8), lambda items: far[items]), out)


def test_nearest_leaves_unique_codes_alone():
    codes = np.array([[0, 1], [0, 2], [1, 1]], np.int32)
    assert reassignment.assign_nearest_free(codes, (2, 3), lambda items: pytest.fail("no distance is needed")) is codes


def test_nearest_says_how_many_did_not_fit(caplog):
    codes = np.array([[0, 0]] * 5 + [[1, 0]], np.int32)
    far = np.tile(np.array([0.0, 1.0, 2.0]), (6, 1)) + np.arange(6)[:, None] * 0.01
    with caplog.at_level(logging.WARNING, logger="workbench"):
        out = reassignment.assign_nearest_free(codes, (2, 3), lambda items: far[items])
    assert "2 items still collide" in caplog.text
    assert out.tolist() == [[0, 0], [0, 1], [0, 2], [0, 0], [0, 0], [1, 0]]


def test_policies_on_real_distances():
    dataset = datasets.load("synthetic", users=120)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(dataset.n_items + 1, 8)).astype(np.float32)
    settings = {"levels": 2, "size": 32}
    made = {p: tokens.make_codes("rq-kmeans", dataset, vectors, policy=p, **settings) for p in tokens.codes.POLICIES}
    assert [made[p].policy for p in made] == list(made)
    assert made["none"].has_collisions and not made["dedup"].has_collisions and not made["nearest"].has_collisions
    assert (made["dedup"].levels, made["nearest"].levels) == (3, 2)
    assert not made["empty-leaf"].has_collisions and made["sinkhorn"].levels == made["empty-leaf"].levels == 2
    alone = [items[0] + 1 for items in groups(made["none"].codes[1:]).values() if len(items) == 1]
    assert alone and np.array_equal(made["empty-leaf"].codes[alone], made["none"].codes[alone]), "these keep theirs"
    assert len(np.unique(made["sinkhorn"].codes[1:], axis=0)) > len(np.unique(made["none"].codes[1:], axis=0))
    assert np.array_equal(made["nearest"].codes[:, :1], made["none"].codes[:, :1])
    moved = np.flatnonzero(made["nearest"].codes[:, 1] != made["none"].codes[:, 1])
    assert len(moved) == made["none"].about["collided"] > 0
    tokenizer = RQKMeans(levels=2, size=32).fit(vectors[1:])
    far = tokenizer.distances(tokenizer.residuals(vectors[1:])[1])
    own = far[np.arange(len(far)), made["none"].codes[1:, 1]]
    assert np.allclose(own, far.min(1), atol=1e-4), "the distances are those that the codes were chosen by"
    assert (far[moved - 1, made["nearest"].codes[moved, 1]] >= own[moved - 1]).all()


def line(codes):
    """Reconstructions (n, 1): 10 times the first code, plus the second one where there is one."""
    return (codes * np.array([10.0, 1.0])[: codes.shape[1]]).sum(1, keepdims=True)


def test_an_empty_leaf_is_under_the_own_prefix_first_and_else_under_the_nearest_one():
    codes = np.array([[0, 0], [0, 0], [0, 0], [1, 0], [2, 0]], np.int32)
    vectors = np.array([[0.0], [0.3], [0.6], [10.0], [20.0]])
    out = reassignment.assign_empty_leaf(codes, (3, 2), vectors, line)
    assert out.tolist() == [[0, 0], [0, 1], [1, 1], [1, 0], [2, 0]]


def test_empty_leaves_that_run_out(caplog):
    codes = np.zeros((4, 2), np.int32)
    with caplog.at_level(logging.WARNING, logger="workbench"):
        out = reassignment.assign_empty_leaf(codes, (1, 3), np.arange(4.0)[:, None], line)
    assert "1 items still collide" in caplog.text and len(np.unique(out, axis=0)) == 3
    unique = np.array([[0, 0], [0, 1]], np.int32)
    assert reassignment.assign_empty_leaf(unique, (1, 3), np.zeros((2, 1)), line) is unique


def test_transport_shares_the_last_codes_among_colliding_items_alone():
    codes = np.array([[0, 0]] * 4 + [[1, 0]], np.int32)
    far = np.array([[0.0, 1, 2, 3], [0, 0.5, 2, 3], [0, 1, 0.5, 3], [0, 1, 2, 0.5], [0, 1, 2, 3]])
    out = reassignment.assign_by_transport(codes, lambda items: far[items])
    assert out.tolist() == [[0, 0], [0, 1], [0, 2], [0, 3], [1, 0]]
