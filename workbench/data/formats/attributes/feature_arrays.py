"""Dense features of items: a published array as a table, and a table as an array in the order of the item ids.

A table has the column item and one numbered column a feature, so that it is attached, filtered and stored as the other
tables of a dataset are. Its name says what the features are of: image, audio.
"""
import io

import numpy as np
import pandas as pd

from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import Content
from workbench.data.schema import ITEM, Dataset
from workbench.data.tables import required_table
from workbench.errors import UserError

REMEDY = "get a fresh copy"


def read_features(content: Content, items: np.ndarray) -> pd.DataFrame:
    """The table of a .npy array (I, F) whose rows are features of items (I,), raw ids. Numbers become float32, before
    anything is computed from them: squares of float16 overflow.

    UserError for a file that is no such array, or with a number that is missing or infinite.
    """
    try:
        array = np.load(io.BytesIO(content.data), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise data_error(content, None, f"not a plain numpy array ({error})", REMEDY) from error
    if array.ndim != 2 or len(array) != len(items) or array.dtype.kind not in "fiu":
        what = f"an array {array.shape} of {array.dtype}, a row of numbers for each of {len(items):,} items expected"
        raise data_error(content, None, what, REMEDY)
    numbers = array.astype(np.float32)
    wrong = ~np.isfinite(numbers).all(axis=1)
    if wrong.any():
        raise data_error(content, None, f"row {int(wrong.argmax()):,} has a number that is missing or infinite", REMEDY)
    columns = {str(place): numbers[:, place] for place in range(numbers.shape[1])}
    return pd.DataFrame({ITEM: np.asarray(items), **columns})


def feature_columns(table: pd.DataFrame) -> list[str]:
    """The numbered columns "0", "1" ... of a table of dense features, in order; none for another table."""
    names = [str(place) for place in range(len(table.columns) - 1)]
    return names if names and {*table.columns} == {ITEM, *names} else []


def features_of_items(dataset: Dataset, name: str) -> np.ndarray:
    """(I+1, F) float32: the features of the table of this name, in order of item ids; an item without a row and row 0
    are zeros. UserError (code 3) for a dataset without it, a table that is none of features, or one that names an item
    twice."""
    table = required_table(dataset, name)
    columns = feature_columns(table)
    if not columns or not all(table[column].dtype.kind in "fiu" for column in columns):
        raise UserError(f"{dataset.name}: table {name!r} needs the column {ITEM} and numbers in the columns 0, 1, 2 "
                        f"...; it has {', '.join(map(str, table.columns[:6]))}", code=3)  # fmt: skip
    items = table[ITEM].to_numpy(np.int64)
    if len(np.unique(items)) < len(items):
        raise UserError(f"{dataset.name}: table {name!r} has two rows for one item", code=3)
    features = np.zeros((dataset.n_items + 1, len(columns)), np.float32)
    features[items] = table[columns].to_numpy(np.float32)
    return features
