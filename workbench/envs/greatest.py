"""The greatest values of each row, as a policy chooses: exact where values are alike."""
import numpy as np

FEW = 16  # as many columns for each that is wanted are not searched in blocks


def greatest(values: np.ndarray, n: int) -> np.ndarray:
    """(..., n) columns of the n greatest of values (..., N), greatest first, of two alike the lower column first; also
    of -inf, where a row has no more. n is at most N; no value is nan.

    >>> greatest(np.array([1.0, 3.0, 3.0, 2.0, 3.0]), 2).tolist()
    [1, 2]
    """
    rows = values.reshape(int(np.prod(values.shape[:-1])), values.shape[-1])
    found = _greatest(rows, n) if rows.shape[1] <= FEW * n else _in_blocks(rows, n)
    return found.reshape(*values.shape[:-1], n)


def _in_blocks(rows: np.ndarray, n: int) -> np.ndarray:
    """The same of rows (R, N), where most columns need only be compared with one number: columns are dealt to blocks,
    and n blocks hold a value that is at least the n-th greatest of the greatest of each block."""
    blocks = int(np.sqrt(n * rows.shape[1]))
    dealt = rows[:, : rows.shape[1] // blocks * blocks].reshape(len(rows), rows.shape[1] // blocks, blocks)
    bound = np.partition(dealt.max(axis=1), blocks - n, axis=1)[:, blocks - n]
    row, column = np.divmod(np.flatnonzero(rows >= bound[:, None]), rows.shape[1])
    count = np.bincount(row, minlength=len(rows))
    place = np.arange(len(row)) - np.repeat(count.cumsum() - count, count)
    kept = np.full((len(rows), count.max(initial=n)), -np.inf)
    columns = np.zeros(kept.shape, np.int64)
    kept[row, place], columns[row, place] = rows[row, column], column
    return np.take_along_axis(columns, _greatest(kept, n), 1)


def _greatest(rows: np.ndarray, n: int) -> np.ndarray:
    least = -np.partition(-rows, n - 1, axis=1)[:, n - 1 : n]
    above, alike = rows > least, rows == least
    room = n - above.sum(axis=1, keepdims=True)
    columns = (above | (alike & (alike.cumsum(axis=1) <= room))).nonzero()[1].reshape(len(rows), n)
    order = np.argsort(-np.take_along_axis(rows, columns, 1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, 1)
