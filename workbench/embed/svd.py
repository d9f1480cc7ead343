"""The leading directions of a sparse item matrix, with rows of unit length."""
import numpy as np
from scipy import sparse


def leading(matrix: sparse.csr_matrix, dim: int, seed: int) -> np.ndarray:
    """(I+1, dim) float32: rows of `matrix` (I, F) in its first `dim` singular directions, each L2-normalised.

    Where the matrix has fewer than `dim` directions, the columns beyond them are zero; so is the row of an item without
    features, and row 0. The same seed gives the same vectors, signs included.
    """
    out = np.zeros((matrix.shape[0] + 1, dim), np.float32)
    width = min(dim, *matrix.shape)
    if width and matrix.nnz:
        one = matrix.shape[1] == 1  # a single feature is its own direction, and TruncatedSVD wants two
        rows = matrix.toarray() if one else _directions(matrix, width, seed)
        rows[matrix.getnnz(axis=1) == 0] = 0
        out[1:, :width] = unit(rows)
    return out


def _directions(matrix: sparse.csr_matrix, width: int, seed: int) -> np.ndarray:
    from sklearn.decomposition import TruncatedSVD

    return TruncatedSVD(width, random_state=seed % 2**32, n_iter=5).fit_transform(matrix)


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1; zero rows stay zero.

    >>> unit(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1)
