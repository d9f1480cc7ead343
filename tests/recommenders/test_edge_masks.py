"""Edges left out: a pair has one number both ways, and what is kept is the graph that never had the others."""
import numpy as np
import pytest
import torch

from workbench.nets.propagation import Edges, user_item_edges
from workbench.recommenders.graphs.edge_masks import kept_values, pair_numbers


@pytest.fixture(scope="module")
def pairs():
    rng = np.random.default_rng(0)
    return np.unique(np.stack([rng.integers(0, 6, 25), rng.integers(1, 6, 25)]), axis=1)


@pytest.fixture(scope="module")
def edges(pairs):
    return Edges(user_item_edges(*pairs, 6, 5))


def test_a_pair_has_one_number(edges, pairs):
    number, count = pair_numbers(edges)
    assert count == pairs.shape[1] and np.array_equal(np.bincount(number), np.full(count, 2))
    ends = {}
    for n, row, column in zip(number.tolist(), edges.row.tolist(), edges.column.tolist()):
        assert ends.setdefault(n, {row, column}) == {row, column}


def test_all_edges_kept_are_the_plain_graph(edges):
    assert torch.allclose(kept_values(edges, torch.ones(len(edges.values))), edges.values, atol=1e-7)


def test_what_is_kept_is_the_graph_of_the_others(edges, pairs):
    number, count = pair_numbers(edges)
    kept = torch.rand(count, generator=torch.Generator().manual_seed(1)) < 0.5
    left = kept[number]
    of_user = {(row, column) for row, column, k in zip(edges.row.tolist(), edges.column.tolist(), left.tolist()) if k}
    smaller = pairs[:, [(user, item + 7) in of_user for user, item in pairs.T.tolist()]]
    plain = Edges(user_item_edges(*smaller, 6, 5))
    x = torch.randn(13, 3, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(edges(x, kept_values(edges, left)), plain(x), atol=1e-6)


def test_none_kept(edges):
    values = kept_values(edges, torch.zeros(len(edges.values), dtype=torch.bool))
    assert (values == 0).all()
