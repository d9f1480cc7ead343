"""Nearest neighbours among item vectors, and among histories by the mean vector of their items."""
import numpy as np

from workbench.data import Histories
from workbench.errors import UserError
from workbench.stages import stage

ROWS = 1024  # compared with all others at a time


def mean_vectors(histories: Histories, vectors: np.ndarray) -> np.ndarray:
    """(B, E) float32 mean of the vectors (I+1, E) of the items of each history; zeros for an empty one."""
    sums = np.zeros((len(histories), vectors.shape[1]), np.float32)
    np.add.at(sums, histories.rows(), vectors[histories.items])
    return sums / np.maximum(histories.lengths, 1)[:, None].astype(np.float32)


def neighbours_of_items(vectors: np.ndarray, k: int, shuffle: np.random.Generator | None = None) -> np.ndarray:
    """(I+1, K) ids of the items nearest to each in vectors (I+1, E). An item with a vector of zeros is its own only
    neighbour. shuffle: see `neighbour_table`."""
    near = np.pad(neighbour_table(vectors[1:], k, shuffle) + 1, ((1, 0), (0, 0)))
    return np.where(vectors.any(1)[:, None], near, np.arange(len(vectors))[:, None])


def neighbour_table(vectors: np.ndarray, k: int, shuffle: np.random.Generator | None = None) -> np.ndarray:
    """`nearest`, or with a generator its placebo: each gets the neighbours of another, so that all are neighbours as
    often as before, up to those who would be their own: the next row takes their place."""
    near = nearest(vectors, k)
    if shuffle is None:
        return near
    near, own = shuffle.permutation(near), np.arange(len(near))[:, None]
    return np.where(near == own, (own + 1) % len(near), near)


@stage("neighbours")
def nearest(vectors: np.ndarray, k: int) -> np.ndarray:
    """(n, K) int64: the K = k rows with the highest cosine to each of vectors (n, E), best first; fewer where there are
    no more. Never the row itself, nor one of zeros. UserError where fewer than two rows are not zero."""
    norms = np.linalg.norm(vectors, axis=1)
    unit, zero, found = vectors / np.maximum(norms, 1e-12)[:, None], norms == 0, []
    k = min(k, int((~zero).sum()) - 1)
    if k < 1:
        raise UserError("neighbours: fewer than two rows have a vector; use more data, or another kind", code=3)
    for start in range(0, len(unit), ROWS):
        cosine = unit[start : start + ROWS] @ unit.T
        cosine[:, zero] = -np.inf
        cosine[np.arange(len(cosine)), start + np.arange(len(cosine))] = -np.inf
        best = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(cosine, best, 1), axis=1, kind="stable")
        found.append(np.take_along_axis(best, order, 1))
    return np.concatenate(found)
