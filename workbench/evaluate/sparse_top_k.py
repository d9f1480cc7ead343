"""Exact top-k lists from scores that differ from popularity at a few items only, without a score for every item."""
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from workbench.data import Histories
from workbench.errors import UserError, is_integer
from workbench.evaluate.top_k import top_k
from workbench.interfaces import Recommendations

BLOCK = 4_000_000  # candidates at a time, some 200 MB


class SparseScores(NamedTuple):
    """Scores (B, I+1) as a sum. above: (B, I+1) CSR without duplicates. floor: (I+1,) of every row, such as
    a popularity that breaks ties."""

    above: csr_matrix
    floor: np.ndarray

    def dense(self) -> np.ndarray:
        """(B, I+1) float64."""
        return np.add(self.above.toarray(), self.floor)


def sparse_top_k(scores: SparseScores, k: int, exclude: Histories | None = None) -> Recommendations:
    """The same lists, to the last bit, as `top_k` gives for `scores.dense()`.

    Where nothing is negative, an item that is neither in `above` nor among the k + E highest floors cannot be in a list
    that excludes E items: k of these stand before it, by a higher score, or by a lower id at an equal one.
    """
    above, floor = scores
    n_items = above.shape[1] - 1
    usable = np.isfinite(floor).all() and not (above.data < 0).any() and np.isfinite(above.data).all()
    if not usable or not is_integer(k, 1, n_items):  # also whatever is an error
        return top_k(scores.dense(), k, exclude)
    most = int(exclude.lengths.max(initial=0)) if exclude is not None else 0
    highest = 1 + np.lexsort((np.arange(n_items), -floor[1:]))[: k + most]
    size = max(1, BLOCK // (len(highest) + int(np.diff(above.indptr).max(initial=0))))
    parts = []
    for start in range(0, max(1, above.shape[0]), size):
        rows = np.arange(start, min(start + size, above.shape[0]))
        block = SparseScores(above[rows], floor)
        parts.append(_block_top_k(block, highest, k, None if exclude is None else exclude.take(rows)))
    return Recommendations(np.concatenate([p.items for p in parts]), np.concatenate([p.scores for p in parts]))


def _block_top_k(scores: SparseScores, highest: np.ndarray, k: int, exclude: Histories | None) -> Recommendations:
    above, n, width = scores.above, scores.above.shape[0], scores.above.shape[1]
    keep = _among_best(scores, len(highest) + 1)
    own = np.repeat(np.arange(n, dtype=np.int64), np.diff(above.indptr))[keep] * width + above.indices[keep]
    pair = np.concatenate([own, (np.arange(n, dtype=np.int64)[:, None] * width + highest).ravel()])
    pair, first = np.unique(pair, return_index=True)  # an own score stands before the same item among the highest
    value = np.concatenate([above.data[keep], np.zeros(n * len(highest))])[first]
    keep = pair % width != 0
    if exclude is not None:
        keep &= ~np.isin(pair, exclude.rows() * width + exclude.items)
    row, item = np.divmod(pair[keep], width)
    value = value[keep] + scores.floor[item]
    order = np.lexsort((item, -value, row))
    starts = np.searchsorted(row, np.arange(n + 1))  # rows ascend, so sorting within them keeps their places
    if n and np.diff(starts).min() < k:
        raise UserError(f"k={k}: a history leaves fewer than {k} of {width - 1} items to recommend")
    chosen = order[starts[:-1, None] + np.arange(k)]
    return Recommendations(item[chosen], value[chosen])


def _among_best(scores: SparseScores, n: int) -> np.ndarray:
    """(N,) bool: which entries of `above` are at least as high as the n-th highest of their row."""
    above, lengths = scores.above, np.diff(scores.above.indptr)
    if lengths.max(initial=0) <= n:
        return np.ones(len(above.data), bool)
    row = np.repeat(np.arange(len(lengths)), lengths)
    value = above.data + scores.floor[above.indices]
    table = np.full((len(lengths), int(lengths.max())), -np.inf)
    table[row, np.arange(len(row)) - above.indptr[row]] = value
    return value >= np.partition(table, -n, axis=1)[row, -n]
