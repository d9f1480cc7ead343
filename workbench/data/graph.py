"""Item graphs from train: transitions, co-occurrence and hop distances.

Matrices are (I+1, I+1) or (B, I+1) CSR with row and column 0 empty.
"""
import logging

import numpy as np
from scipy.sparse import csr_matrix

from workbench.data.histories import Histories

log = logging.getLogger("workbench")
LONG, KEPT = 5_000, 1_000  # events: longer than any history of a person in the datasets here, and what is kept of it
BEYOND_MAX_HOPS = 5  # distance given by `pair_hop_distances` to pairs more than four hops apart
BATCH_SIZE = 1024  # pairs processed at a time


def transitions(train: Histories, n_items: int, *, window: int = 1, decay: float = 1.0) -> csr_matrix:
    """(I+1, I+1) float64: T_ab is the sum of gap**-decay over pairs in a history where b comes `gap` events after a.

    window: maximum gap. decay: 1 weighs a pair by 1/gap, 0 counts pairs. Self-loops are kept.
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


def user_item_matrix(histories: Histories, n_items: int, *, last: int = 0, decay: float = 1.0) -> csr_matrix:
    """(B, I+1) float64: each history as a row of weights decay**age, summed over repeats; the newest event has age 0.

    last: number of most recent events to use, 0 for all. decay: 1 counts events.
    """
    recent = histories.last(last) if last else histories
    rows = recent.rows()
    age = recent.offsets[1:][rows] - 1 - np.arange(len(rows))
    return csr_matrix((float(decay) ** age, (rows, recent.items)), shape=(len(recent), n_items + 1))


def binary_user_items(histories: Histories, n_items: int) -> csr_matrix:
    """(B, I+1) float64: 1 where a history contains an item."""
    seen = user_item_matrix(histories, n_items)
    seen.data[:] = 1
    return seen


def shortened(train: Histories, system: str) -> Histories:
    """The histories, of which those of more than `LONG` events keep their last `KEPT`, as a warning says: the pairs
    within a history grow with the square of its length, and one that holds a good part of the catalogue tells little
    about which items belong together. system: named in the warning."""
    long = train.lengths > LONG
    if not long.any():
        return train
    log.warning("%s: %d of %d histories have more than %d events (one has %d), as of a program; only their last %d "
                "count as seen together", system, long.sum(), len(train), LONG, train.lengths.max(), KEPT)  # fmt: skip
    return train.last(np.where(long, KEPT, train.lengths))


def cooccurrence(train: Histories, n_items: int) -> csr_matrix:
    """(I+1, I+1) float64: number of histories that contain both items; the diagonal counts those of one item."""
    seen = binary_user_items(train, n_items)
    return (seen.T @ seen).tocsr()


def top_k_per_row(weights: csr_matrix, n: int) -> csr_matrix:
    """The matrix with only the `n` largest entries of each row; ties go to the lower column."""
    keep = np.ones(weights.nnz, bool)
    for row in np.flatnonzero(np.diff(weights.indptr) > n):
        span = slice(weights.indptr[row], weights.indptr[row + 1])
        values = weights.data[span]
        threshold = np.partition(values, -n)[-n]
        keep[span] = values > threshold
        keep[span.start + np.flatnonzero(values == threshold)[: n - keep[span].sum()]] = True
    indptr = np.concatenate([[0], np.cumsum(keep)])[weights.indptr]
    return csr_matrix((weights.data[keep], weights.indices[keep], indptr), shape=weights.shape)


def hop_distances(adjacency: csr_matrix, sources: np.ndarray, depth: int) -> np.ndarray:
    """(S, I+1) int8: hops along directed edges from each source by breadth-first search, depth + 1 where farther.

    The distance of a source to itself is 0. The result is dense, so pass many sources in batches.
    """
    edges = csr_matrix((np.ones(adjacency.nnz, np.int32), adjacency.indices, adjacency.indptr), adjacency.shape)
    hops = np.full((len(sources), adjacency.shape[0]), depth + 1, np.int8)
    rows, items = np.arange(len(sources)), np.asarray(sources)
    hops[rows, items] = 0
    for hop in range(1, depth + 1):
        frontier = csr_matrix((np.ones(len(rows), np.int32), (rows, items)), shape=hops.shape)
        reached = frontier @ edges
        rows, items = np.repeat(np.arange(len(sources)), np.diff(reached.indptr)), reached.indices
        new = hops[rows, items] > hop
        rows, items = rows[new], items[new]
        hops[rows, items] = hop
    return hops


def last_items(histories: Histories, age: int = 0) -> np.ndarray:
    """(B,) int64: the item `age` events before the newest of each history, 0 where the history is shorter."""
    items = np.append(histories.items, 0).astype(np.int64)
    return items[np.where(histories.lengths > age, histories.offsets[1:] - 1 - age, -1)]


def binary_adjacency(adjacency: csr_matrix) -> csr_matrix:
    """The adjacency with int32 ones as weights and sorted column indices."""
    ones = csr_matrix(
        (np.ones(adjacency.nnz, np.int32), adjacency.indices.copy(), adjacency.indptr), shape=adjacency.shape
    )
    ones.sort_indices()
    return ones


def edge_weights(adjacency: csr_matrix, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(C,) float64: weight of the edge from before[i] to after[i], 0 where there is none."""
    if not len(before):
        return np.zeros(0)
    return np.asarray(adjacency[before, after], np.float64).ravel()


def rows_share_column(left: csr_matrix, right: csr_matrix) -> np.ndarray:
    """(C,) bool: whether row i of `left` and row i of `right`, both (C, I+1), share a non-zero column."""
    return left.multiply(right).tocsr().getnnz(axis=1) > 0


def pair_hop_distances(adjacency: csr_matrix, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(C,) int8: directed hop distance from before[i] to after[i], 1 to 4, else BEYOND_MAX_HOPS.

    From an item to itself it is 1 where the item has a self-loop, and 0 otherwise. The search is bidirectional: four
    hops are two forward steps that meet two backward ones.
    """
    edges = binary_adjacency(adjacency)
    reversed_edges = binary_adjacency(edges.T.tocsr())
    is_edge = edge_weights(edges, before, after) > 0
    distance = np.where(is_edge, 1, np.where(before == after, 0, BEYOND_MAX_HOPS)).astype(np.int8)
    unresolved = np.flatnonzero(distance == BEYOND_MAX_HOPS)
    for start in range(0, len(unresolved), BATCH_SIZE):
        pairs = unresolved[start : start + BATCH_SIZE]
        forward, backward = edges[before[pairs]], reversed_edges[after[pairs]]
        for hops in (2, 3, 4):
            if hops == 3:
                forward = forward @ edges
            if hops == 4:
                backward = backward @ reversed_edges
            met = rows_share_column(forward, backward)
            distance[pairs[met]] = hops
            pairs, forward, backward = pairs[~met], forward[~met], backward[~met]
    return distance
