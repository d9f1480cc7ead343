"""From one item to another in a graph: is there an edge, do two rows meet, how many steps is it.

A search from both ends: four steps are two forward rings met by two backward ones, so nobody's third ring is built.
"""
import numpy as np
from scipy.sparse import csr_matrix

from workbench.data.histories import Histories

FAR = 5  # what `pair_distances` says of a pair more than four steps apart
ROWS = 1024  # pairs at a time: two steps from each are held


def last_items(histories: Histories, age: int = 0) -> np.ndarray:
    """(B,) int64 the item `age` places before the newest of each history, 0 where the history is shorter."""
    items = np.append(histories.items, 0).astype(np.int64)
    return items[np.where(histories.lengths > age, histories.offsets[1:] - 1 - age, -1)]


def pattern(adjacency: csr_matrix) -> csr_matrix:
    """The same edges with int32 ones, columns of a row in order."""
    ones = csr_matrix(
        (np.ones(adjacency.nnz, np.int32), adjacency.indices.copy(), adjacency.indptr), shape=adjacency.shape
    )
    ones.sort_indices()
    return ones


def adjacent(adjacency: csr_matrix, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(C,) float64 weight of the edge from before[i] to after[i], 0 where there is none."""
    if not len(before):
        return np.zeros(0)
    return np.asarray(adjacency[before, after], np.float64).ravel()


def meets(left: csr_matrix, right: csr_matrix) -> np.ndarray:
    """(C,) bool: whether row i of `left` and row i of `right` have a column in common; both (C, I+1) patterns."""
    return left.multiply(right).tocsr().getnnz(axis=1) > 0


def pair_distances(adjacency: csr_matrix, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(C,) int8: the fewest directed steps from before[i] to after[i], 1 to 4, FAR beyond.

    From an item to itself it is 1 where it has an edge to itself, and 0 otherwise, as the rings of a source do not
    come back to it.
    """
    edges = pattern(adjacency)
    back = pattern(edges.T.tocsr())
    found = np.where(adjacent(edges, before, after) > 0, 1, np.where(before == after, 0, FAR)).astype(np.int8)
    open_pairs = np.flatnonzero(found == FAR)
    for start in range(0, len(open_pairs), ROWS):
        part = open_pairs[start : start + ROWS]
        forth, to = edges[before[part]], back[after[part]]
        for steps in (2, 3, 4):
            if steps == 3:
                forth = forth @ edges
            if steps == 4:
                to = to @ back
            met = meets(forth, to)
            found[part[met]] = steps
            part, forth, to = part[~met], forth[~met], to[~met]
    return found
