"""Graphs of items: co-occurrence by hand, infusion that is exact where it is off, and rewiring that keeps degrees."""
import numpy as np
import pytest
from scipy.sparse import csr_matrix, random_array
from toys import make_histories

from workbench.data import Protocol, Split
from workbench.data.splits import Cases
from workbench.recommenders.graphs.item_graphs import co_occurrence, infused, rewired_graph, strongest


@pytest.fixture
def graphs():
    """A graph and another, of 30 items, none of which has an edge to itself or to padding."""
    rng, made = np.random.default_rng(0), []
    for density in (0.3, 0.2):
        dense = random_array((31, 31), density=density, rng=rng).toarray()
        np.fill_diagonal(dense, 0)
        dense[0] = dense[:, 0] = 0
        made.append(csr_matrix(dense))
    return made


def test_co_occurrence_by_hand():
    """Item 1 has users 0 1 2, item 2 users 0 1, item 3 user 2 (twice): c_12 = 2 / sqrt(6), c_13 = 1 / sqrt(3)."""
    train = make_histories([1, 2], [2, 1], [3, 1, 3], [4])
    none = Cases(train, np.zeros(0, np.int32))
    found = co_occurrence(Split(train, none, none, 4, 4, Protocol(), "")).toarray()
    row = np.array([0, 0, 2 / np.sqrt(6), 1 / np.sqrt(3), 0])
    assert np.allclose(found[1], row / row.max())
    assert np.allclose(found[2], [0, 1, 0, 0, 0]) and np.allclose(found[3], [0, 1, 0, 0, 0])
    assert not found[0].any() and not found[4].any() and not found.diagonal().any()


def test_without_infusion_it_is_the_graph_itself(graphs):
    graph, other = strongest(graphs[0], 4), graphs[1]
    assert (infused(graph, other, 0.0, 4) != graph).nnz == 0
    assert (infused(graph, other, 0.5, 4) != graph).nnz > 0


def test_infusion_is_the_strongest_of_the_sum(graphs):
    found, total = infused(*graphs, 0.7, 4).toarray(), (graphs[0] + 0.7 * graphs[1]).toarray()
    for item in range(1, 31):
        best = np.argsort(-total[item], kind="stable")[:4]
        assert set(np.flatnonzero(found[item])) == set(best) and np.allclose(found[item, best], total[item, best])


def test_of_equal_edges_the_lower_item_is_kept():
    assert strongest(csr_matrix([[0.0, 2, 1, 1, 2]]), 3).toarray().tolist() == [[0, 2, 1, 0, 2]]


def test_a_rewired_graph_keeps_degrees_and_weights_and_moves_edges(graphs):
    graph = graphs[1]
    found = rewired_graph(graph, np.random.default_rng(0))
    assert not found.diagonal().any()
    assert all(np.array_equal(found.getnnz(axis), graph.getnnz(axis)) for axis in (0, 1))
    assert all(sorted(found[item].data) == sorted(graph[item].data) for item in range(31))
    assert graph.sign().multiply(found.sign()).nnz < 0.5 * graph.nnz
