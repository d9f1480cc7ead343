"""Truncated SVD of a sparse item-feature matrix, with L2-normalised rows."""
import numpy as np
from scipy import sparse


def truncated_svd(matrix: sparse.csr_matrix, dim: int, seed: int) -> np.ndarray:
    """(I+1, dim) float32: `matrix` (I, F) projected on its first `dim` singular vectors, rows L2-normalised.

    Columns beyond min(I, F) are zero, as are row 0 and the rows of items without features. The result is determined by
    the seed, signs included.
    """
    vectors = np.zeros((matrix.shape[0] + 1, dim), np.float32)
    rank = min(dim, *matrix.shape)
    if rank and matrix.nnz:
        single_feature = matrix.shape[1] == 1  # TruncatedSVD needs at least two features
        rows = matrix.toarray() if single_feature else _project(matrix, rank, seed)
        rows[matrix.getnnz(axis=1) == 0] = 0
        vectors[1:, :rank] = l2_normalize(rows)
    return vectors


def _project(matrix: sparse.csr_matrix, width: int, seed: int) -> np.ndarray:
    from sklearn.decomposition import TruncatedSVD

    return TruncatedSVD(width, random_state=seed % 2**32, n_iter=5).fit_transform(matrix)


def l2_normalize(rows: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1; zero rows stay zero.

    >>> l2_normalize(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1)
