"""Vectors of items and attributes that are near where a graph links them: the start embeddings of a state graph."""
import numpy as np
from scipy.sparse import coo_matrix, csc_matrix, csr_matrix, hstack

from workbench.data import Histories
from workbench.train import named_rng

KINDS = ("graph", "random", "permuted")


def node_vectors(
    matrix: csc_matrix, histories: Histories, width: int, *, kind: str = "graph", seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """(I+1, D) and (A, D) float32 vectors of items and attributes, the items' mean length being 1; row 0 is zero.

    matrix: (I+1, A) the attributes of items. histories: of users, whose events link them to items. kind: graph, a
    truncated SVD of the positive pointwise mutual information of items and what they are linked to (Levy and Goldberg,
    NeurIPS 2014), whose inner products are near it; permuted, the same vectors given to other items and attributes; or
    random, of the same lengths.
    """
    from sklearn.utils.extmath import randomized_svd

    n_attributes = matrix.shape[1]
    rows, columns = histories.items, histories.rows()
    users = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(matrix.shape[0], len(histories)))
    links = hstack([matrix, users.tocsr().sign()]).tocsr()
    u, s, v = randomized_svd(ppmi(links), min(width, min(links.shape) - 1), random_state=seed % 2**32)
    tables = [np.zeros((n, width)) for n in (matrix.shape[0], n_attributes)]
    tables[0][:, : len(s)], tables[1][:, : len(s)] = u * np.sqrt(s), (v.T * np.sqrt(s))[:n_attributes]
    tables[0][0] = 0  # of a singular vector it is zero but for rounding
    scale = np.linalg.norm(tables[0][1:], axis=1).mean()
    tables = [table / scale if scale > 0 else table for table in tables]
    rng = named_rng(seed, "node vectors", kind)
    tables = [_changed(table, kind, first, rng) for table, first in zip(tables, (1, 0), strict=True)]
    return tables[0].astype(np.float32), tables[1].astype(np.float32)


def ppmi(matrix: csr_matrix) -> csr_matrix:
    """max(0, ln(p(row, column) / (p(row) p(column)))) of counts.

    >>> ppmi(csr_matrix([[1.0, 0.0], [0.0, 1.0]])).toarray().round(4).tolist()
    [[0.6931, 0.0], [0.0, 0.6931]]
    """
    counts = coo_matrix(matrix)
    rows, columns = (np.asarray(matrix.sum(axis=axis)).ravel() for axis in (1, 0))
    ratio = counts.data * counts.data.sum() / (rows[counts.row] * columns[counts.col])
    return csr_matrix((np.maximum(np.log(ratio), 0), (counts.row, counts.col)), shape=matrix.shape)


def _changed(table: np.ndarray, kind: str, first: int, rng: np.random.Generator) -> np.ndarray:
    """The table from row `first` on as its kind says."""
    out, n = table.copy(), len(table) - first
    if kind == "permuted":
        out[first:] = table[first + rng.permutation(n)]
    if kind == "random":
        drawn = rng.standard_normal((n, table.shape[1]))
        lengths = np.linalg.norm(table[first:], axis=1, keepdims=True)
        out[first:] = drawn / np.linalg.norm(drawn, axis=1, keepdims=True) * lengths
    return out
