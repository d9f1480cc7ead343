"""Plain arrays of numbers: numpy's .npy and MATLAB's .mat, read without anything that could run code."""
import io

import numpy as np

from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import Content

COPY = "get a fresh copy"


def read_npy(content: Content, columns: int) -> np.ndarray:
    """(n, columns) int64 from a .npy file. UserError for another shape, or values that are no whole numbers of 0 or
    more."""
    try:
        array = np.load(io.BytesIO(content.data), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise data_error(content, None, f"not a plain numpy array ({error})", COPY) from error
    return _checked(content, array, columns)


def read_mat(content: Content, name: str, columns: int) -> np.ndarray:
    """(n, columns) int64: the matrix `name` of a MATLAB 5 file. UserError as `read_npy`, or without such a matrix."""
    from scipy.io import loadmat, whosmat

    try:
        found = [each for each, _, _ in whosmat(io.BytesIO(content.data))]
        array = loadmat(io.BytesIO(content.data), variable_names=[name])[name] if name in found else None
    except Exception as error:  # scipy's parser raises whatever a damaged header leads it to
        raise data_error(content, None, f"not a MATLAB 5 file ({error})", COPY) from error
    if array is None:
        raise data_error(content, None, f"it has no matrix {name!r}, but {', '.join(found) or 'none'}", COPY)
    return _checked(content, array, columns)


def _checked(content: Content, array: object, columns: int) -> np.ndarray:
    shape, kind = (array.shape, array.dtype) if isinstance(array, np.ndarray) else ((), type(array))
    if len(shape) != 2 or shape[1] != columns or not np.issubdtype(kind, np.number) or not shape[0]:
        what = f"an array {shape} of {kind}; {columns} columns of whole numbers and at least one row are expected"
        raise data_error(content, None, what, COPY)
    wrong = ~((array >= 0) & (array % 1 == 0) & (array < 2**31)).all(axis=1)
    if wrong.any():
        raise data_error(content, None, f"row {int(wrong.argmax()) + 1:,} has no whole numbers of 0 or more", COPY)
    return array.astype(np.int64)
