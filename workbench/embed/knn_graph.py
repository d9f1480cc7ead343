"""The graph of nearest neighbours among item vectors."""
import numpy as np
from scipy.sparse import csr_matrix

from workbench.embed.neighbours import ROWS, nearest


def item_knn_graph(vectors: np.ndarray, k: int, *, weighted: bool = False) -> csr_matrix:
    """(I+1, I+1) float32: row i has an entry for each of the k items with the highest cosine to item i in vectors
    (I+1, E), exactly, compared in blocks; fewer where there are no more.

    No item is its own neighbour. An item whose vector is zero has no edges, nor has padding. Edges go one way: a
    neighbour need not have i among its own. weighted: entries are the cosines, which may be negative, in place of 1.
    UserError where fewer than two vectors are not zero.
    """
    near = nearest(vectors[1:], k) + 1
    has = vectors[1:].any(1)
    rows, columns = np.repeat(np.flatnonzero(has) + 1, near.shape[1]), near[has].ravel()
    values = _cosines(vectors, rows, columns) if weighted else np.ones(len(rows), np.float32)
    graph = csr_matrix((values, (rows, columns)), shape=(len(vectors), len(vectors)), dtype=np.float32)
    graph.sort_indices()
    return graph


def _cosines(vectors: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    found = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), ROWS):
        part = slice(start, start + ROWS)
        found[part] = (unit[rows[part]] * unit[columns[part]]).sum(1)
    return found
