"""Adjacencies, from train only: what follows what, what shares a user, how far one item is from another.

All are (I+1, I+1) or (B, I+1) CSR with row and column 0 empty, built by whole-array operations.
"""
import numpy as np
from scipy.sparse import csr_matrix

from workbench.data.histories import Histories

FAR = 5  # what `pair_distances` says of a pair more than four steps apart
ROWS = 1024  # pairs at a time: two steps from each are held


def transitions(train: Histories, n_items: int, *, window: int = 1, decay: float = 1.0) -> csr_matrix:
    """(I+1, I+1) float64: T_ab = sum of gap**-decay over all pairs of one history where b comes `gap` events after a.

    window: the longest gap counted. decay: 1 weighs a pair by 1/gap, 0 counts pairs. Self-loops are kept.
    """
    rows, items = train.rows(), train.items
    before, after, weight = [items[:0]], [items[:0]], [np.zeros(0)]
    for gap in range(1, window + 1):
        at = np.flatnonzero(rows[gap:] == rows[:-gap])
        before.append(items[at])
        after.append(items[at + gap])
        weight.append(np.full(len(at), float(gap) ** -decay))
    pairs = np.concatenate(before), np.concatenate(after)
    return csr_matrix((np.concatenate(weight), pairs), shape=(n_items + 1, n_items + 1))


def user_items(histories: Histories, n_items: int, *, last: int = 0, decay: float = 1.0) -> csr_matrix:
    """(B, I+1) float64: each history as a row of weights decay**age, summed over repeats; the newest event has age 0.

    last: only so many of the newest events, 0 for all. decay: 1 counts events.
    """
    recent = histories.last(last) if last else histories
    rows = recent.rows()
    age = recent.offsets[1:][rows] - 1 - np.arange(len(rows))
    return csr_matrix((float(decay) ** age, (rows, recent.items)), shape=(len(recent), n_items + 1))


def item_sets(histories: Histories, n_items: int) -> csr_matrix:
    """(B, I+1) float64: 1 where a history holds an item, however often."""
    seen = user_items(histories, n_items)
    seen.data[:] = 1
    return seen


def cooccurrence(train: Histories, n_items: int) -> csr_matrix:
    """(I+1, I+1) float64: how many histories hold both items; the diagonal is how many hold the one."""
    seen = item_sets(train, n_items)
    return (seen.T @ seen).tocsr()


def strongest(weights: csr_matrix, n: int) -> csr_matrix:
    """The same matrix with only the `n` largest entries of each row, ties to the lower column."""
    keep = np.ones(weights.nnz, bool)
    for row in np.flatnonzero(np.diff(weights.indptr) > n):
        here = slice(weights.indptr[row], weights.indptr[row + 1])
        values = weights.data[here]
        threshold = np.partition(values, -n)[-n]
        keep[here] = values > threshold
        keep[here.start + np.flatnonzero(values == threshold)[: n - keep[here].sum()]] = True
    indptr = np.concatenate([[0], np.cumsum(keep)])[weights.indptr]
    return csr_matrix((weights.data[keep], weights.indices[keep], indptr), shape=weights.shape)


def distances(adjacency: csr_matrix, sources: np.ndarray, depth: int) -> np.ndarray:
    """(S, I+1) int8: steps along directed edges from each source, 0 at the source itself, depth + 1 where farther.

    Ring h of a source is where this is h. Ask for as many sources at a time as a dense table may have rows.
    """
    pattern = csr_matrix((np.ones(adjacency.nnz, np.int32), adjacency.indices, adjacency.indptr), adjacency.shape)
    steps = np.full((len(sources), adjacency.shape[0]), depth + 1, np.int8)
    rows, items = np.arange(len(sources)), np.asarray(sources)
    steps[rows, items] = 0
    for step in range(1, depth + 1):
        frontier = csr_matrix((np.ones(len(rows), np.int32), (rows, items)), shape=steps.shape)
        reached = frontier @ pattern
        rows, items = np.repeat(np.arange(len(sources)), np.diff(reached.indptr)), reached.indices
        new = steps[rows, items] > step
        rows, items = rows[new], items[new]
        steps[rows, items] = step
    return steps


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
    come back to it. Both ends are searched: four steps are two forward rings met by two backward ones.
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
