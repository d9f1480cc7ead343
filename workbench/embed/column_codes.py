"""Categorical columns of a table as numbers: the codes of each row's values, column by column."""
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

MOST = 6  # values of a row in one column, such as the tags of a video
LEAST = 2  # rows that know a value: of one alone it says nothing about others


class ColumnCodes(NamedTuple):
    """codes: (n, F, MOST) int64 of the F columns that have a known value, right-padded with 0, which also stands for a
    value that is missing or not known. Values of different columns have different codes, from 1 to `size`."""

    codes: np.ndarray
    size: int


def column_codes(table: pd.DataFrame, columns: Sequence[str], known: np.ndarray) -> ColumnCodes:
    """The codes of the columns of a table. A cell holds one value, or several joined by "|".

    known: (n,) bool, the rows whose values have codes, such as items in train; a value that only other rows have, or
    fewer than LEAST of them, has code 0.
    """
    codes, size = np.zeros((len(table), len(columns), MOST), np.int64), 0
    for place, column in enumerate(columns):
        cells = table[column].astype("string").fillna("")
        words = cells.str.split("|").reset_index(drop=True).explode().str.strip()
        words = words[words != ""]
        row, value = words.index.to_numpy(), words.to_numpy(object)
        counts = pd.Series(value[known[row]], dtype=object).value_counts()
        names = sorted(counts.index[counts >= LEAST])
        code = pd.Index(names, dtype=object).get_indexer(value) + 1
        row, code = row[code > 0], code[code > 0]
        nth = np.arange(len(row)) - np.searchsorted(row, row)
        inside = nth < MOST
        codes[row[inside], place, nth[inside]] = code[inside] + size
        size += len(names)
    return ColumnCodes(codes[:, codes.any(axis=(0, 2))], size)
