"""The way from the last item to the answer, on a graph small enough to walk by hand."""
import numpy as np
from scipy.sparse import csr_matrix

from workbench.diagnose.shortcuts.graph_distance import path


def graph(edges: dict[tuple[int, int], int]) -> csr_matrix:
    a, b = np.array(list(edges)).T
    return csr_matrix((np.array(list(edges.values()), float), (a, b)), shape=(7, 7))


def test_the_shortest_way_with_the_widest_narrow_place():
    follows = graph({(1, 2): 9, (2, 4): 1, (1, 3): 2, (3, 4): 5, (4, 5): 1, (6, 6): 3})
    assert path(follows, 1, 2) == [1, 2]
    assert path(follows, 1, 4) == [1, 3, 4], "2 and 5 beat 9 and 1"
    assert path(follows, 1, 5) == [1, 3, 4, 5]
    assert path(follows, 1, 5, depth=2) == []
    assert path(follows, 5, 1) == [], "edges have a direction"
    assert path(follows, 6, 6) == [6, 6] and path(follows, 1, 1) == []
    assert path(graph({(1, 2): 1, (1, 3): 1, (2, 4): 1, (3, 4): 1}), 1, 4) == [1, 2, 4], "ties to the lower id"
