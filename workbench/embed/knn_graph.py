"""The graph of items and their nearest neighbours in a space of item vectors."""
import numpy as np
from scipy.sparse import csr_matrix

from workbench.errors import UserError

ROWS = 1024  # compared with all others at a time


def item_knn_graph(vectors: np.ndarray, k: int) -> csr_matrix:
    """(I+1, I+1) float32: row i holds the cosines of item i with the k items nearest to it, of vectors (I+1, D).

    Exact; the lower id where cosines are equal. A neighbour has a cosine above 0, so there may be fewer than k; padding
    and items whose vector is zero have none and are nobody's, as no item is its own. UserError for k below 1.
    """
    if k < 1:
        raise UserError(f"a graph of nearest neighbours needs k of at least 1, not {k}")
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = (vectors / np.where(norms > 0, norms, 1)).astype(np.float32)
    k, rows, columns, values = min(k, len(unit) - 1), [], [], []
    for start in range(0, len(unit), ROWS):
        cosine = unit[start : start + ROWS] @ unit.T
        own = np.arange(len(cosine))
        cosine[own, start + own] = 0
        cosine[:, 0] = 0
        least = np.partition(cosine, -k, axis=1)[:, -k, None]
        row, column = np.nonzero((cosine >= least) & (cosine > 0))
        value = cosine[row, column]
        order = np.lexsort((column, -value, row))
        order = order[np.arange(len(row)) - np.searchsorted(row, row) < k]  # nonzero gives rows in order
        rows.append(row[order] + start), columns.append(column[order]), values.append(value[order])
    shape = (len(unit), len(unit))
    return csr_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape)
