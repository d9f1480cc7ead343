"""The widest shortest path from the last item to the target, on a small graph."""
import numpy as np
from scipy.sparse import csr_matrix

from workbench.diagnose.shortcuts.graph_distance import widest_shortest_path


def graph(edges: dict[tuple[int, int], int]) -> csr_matrix:
    a, b = np.array(list(edges)).T
    return csr_matrix((np.array(list(edges.values()), float), (a, b)), shape=(7, 7))


def test_the_shortest_path_with_the_widest_bottleneck():
    follows = graph({(1, 2): 9, (2, 4): 1, (1, 3): 2, (3, 4): 5, (4, 5): 1, (6, 6): 3})
    assert widest_shortest_path(follows, 1, 2) == [1, 2]
    assert widest_shortest_path(follows, 1, 4) == [1, 3, 4], "2 and 5 beat 9 and 1"
    assert widest_shortest_path(follows, 1, 5) == [1, 3, 4, 5]
    assert widest_shortest_path(follows, 1, 5, depth=2) == []
    assert widest_shortest_path(follows, 5, 1) == [], "edges have a direction"
    assert widest_shortest_path(follows, 6, 6) == [6, 6] and widest_shortest_path(follows, 1, 1) == []
    tied = graph({(1, 2): 1, (1, 3): 1, (2, 4): 1, (3, 4): 1})
    assert widest_shortest_path(tied, 1, 4) == [1, 2, 4], "ties to the lower id"
