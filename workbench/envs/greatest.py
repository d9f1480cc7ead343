"""The greatest values of each row, as a policy chooses: exact where values are alike."""
import numpy as np


def greatest(values: np.ndarray, n: int) -> np.ndarray:
    """(..., n) columns of the n greatest of values (..., N), greatest first, of two alike the lower column first; also
    of -inf, where a row has no more. n is at most N.

    >>> greatest(np.array([1.0, 3.0, 3.0, 2.0, 3.0]), 2).tolist()
    [1, 2]
    """
    least = -np.partition(-values, n - 1, axis=-1)[..., n - 1 : n]
    above, alike = values > least, values == least
    room = n - above.sum(axis=-1, keepdims=True)
    chosen = above | (alike & (alike.cumsum(axis=-1) <= room))
    columns = chosen.nonzero()[-1].reshape(*values.shape[:-1], n)
    order = np.argsort(-np.take_along_axis(values, columns, -1), axis=-1, kind="stable")
    return np.take_along_axis(columns, order, -1)
