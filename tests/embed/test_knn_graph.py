"""The graph of nearest neighbours against a loop, in blocks, with equal vectors and vectors of zeros."""
import numpy as np
import pytest

from workbench.embed import knn_graph
from workbench.embed.knn_graph import item_knn_graph
from workbench.errors import UserError


@pytest.fixture
def vectors():
    made = np.random.default_rng(0).standard_normal((40, 4)).astype(np.float32)
    made[[0, 7]] = 0
    return made


@pytest.mark.parametrize("rows", [16, 1024])
def test_it_is_that_of_a_loop(vectors, rows, monkeypatch):
    monkeypatch.setattr(knn_graph, "ROWS", rows)
    found = item_knn_graph(vectors, 5).toarray()
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    for item in range(40):
        cosine = unit @ unit[item]
        cosine[[0, 7, item]] = 0
        best = [j for j in np.argsort(-cosine)[:5] if cosine[j] > 0 and item not in (0, 7)]
        assert np.flatnonzero(found[item]).tolist() == sorted(best)
        assert np.allclose(found[item, best], cosine[best], atol=1e-6)


def test_the_lower_of_equal_items_is_nearer():
    vectors = np.eye(3, dtype=np.float32)[[0, 1, 1, 1, 1]] * 2
    vectors[0] = 0
    found = item_knn_graph(vectors, 2)
    assert [found[item].indices.tolist() for item in range(5)] == [[], [2, 3], [1, 3], [1, 2], [1, 2]]
    assert np.allclose(found.data, 1)


def test_items_unlike_all_have_no_neighbours():
    vectors = np.array([[0, 0], [1, 0], [0, 1], [-1, 0]], np.float32)
    assert item_knn_graph(vectors, 3).nnz == 0
    with pytest.raises(UserError, match="at least 1"):
        item_knn_graph(vectors, 0)
