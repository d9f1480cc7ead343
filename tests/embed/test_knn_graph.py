"""The graph of nearest neighbours among items against a loop over pairs."""
import numpy as np
import pytest

from workbench.embed import neighbours
from workbench.embed.knn_graph import item_knn_graph
from workbench.errors import UserError


@pytest.fixture
def vectors(home):
    """40 items with vectors, of which two are zero; row 0 is padding."""
    made = np.random.default_rng(0).standard_normal((41, 5)).astype(np.float32)
    made[[0, 8, 31]] = 0
    return made


def test_edges_are_the_nearest_of_a_loop(vectors, monkeypatch):
    monkeypatch.setattr(neighbours, "ROWS", 16)  # several blocks
    graph = item_knn_graph(vectors, 4)
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1), 1e-12)[:, None]
    for item in range(1, 41):
        others = [i for i in range(1, 41) if i != item and vectors[i].any()]
        nearest = sorted(others, key=lambda i: -(unit[i] @ unit[item]))[:4] if vectors[item].any() else []
        assert graph[item].indices.tolist() == sorted(nearest)
    assert graph.shape == (41, 41) and set(graph.data) == {1.0} and not graph.diagonal().any()
    assert not graph[:, [0, 8, 31]].nnz and not graph[[0, 8, 31]].nnz, "nothing is near to an item without a vector"


def test_weights_are_cosines(vectors):
    graph, plain = item_knn_graph(vectors, 4, weighted=True), item_knn_graph(vectors, 4)
    assert np.array_equal(graph.indices, plain.indices) and graph.dtype == np.float32
    rows, columns = plain.nonzero()
    expected = [
        a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(vectors[rows], vectors[columns], strict=True)
    ]
    assert np.allclose(graph.data, expected, atol=1e-6)


def test_fewer_items_than_neighbours_asked_for(home):
    assert item_knn_graph(np.eye(5, 4, -1, dtype=np.float32), 10).getnnz(1).tolist() == [0, 3, 3, 3, 3]
    with pytest.raises(UserError, match="fewer than two"):
        item_knn_graph(np.zeros((4, 2), np.float32), 3)
