"""Items as typed words: the words of title, brand and category, each with the kind of text it is from."""
from collections import Counter
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.data.schema import Dataset
from workbench.errors import UserError

FIELDS = {"title": 8, "brand": 2, "category": 4}  # column of the items: words read of it
MIN_ITEMS = 2  # a word of fewer items says nothing about others
WORD = r"[^\W_]{2,}"


class ItemWords(NamedTuple):
    """words, kinds: (I+1, L) int64, right-padded with 0; row 0 is padding. n_words: ids are 1 to n_words; kinds are 1
    for a title, 2 for a brand, 3 for a category."""

    words: np.ndarray
    kinds: np.ndarray
    n_words: int


def item_words(dataset: Dataset) -> ItemWords:
    """The words of every item, of those that at least two items have, at most FIELDS of a field; ids by frequency.

    UserError where no item has such a word.
    """
    found = {name: _words(dataset.items[name]) for name in FIELDS if name in dataset.items}
    counts = Counter(word for lists in found.values() for words in lists for word in set(words))
    shared = [word for word, count in counts.items() if count >= MIN_ITEMS]
    kept = sorted(shared, key=lambda word: (-counts[word], word))
    if not kept:
        raise UserError(f"{dataset.name}: no word of {', '.join(FIELDS)} is shared by two items, so there is no text "
                        "to read; office, beauty, movielens-small and synthetic have titles", code=3)  # fmt: skip
    ids = {word: number for number, word in enumerate(kept, 1)}
    rows: list[list[tuple[int, int]]] = [[] for _ in range(dataset.n_items)]
    for kind, (name, limit) in enumerate(FIELDS.items(), 1):
        for row, words in zip(rows, found.get(name, ())):
            known = [ids[word] for word in words if word in ids][:limit]
            row.extend((each, kind) for each in known)
    length = max(map(len, rows))
    table = np.zeros((2, dataset.n_items + 1, length), np.int64)
    for item, row in enumerate(rows, 1):
        if row:
            table[:, item, : len(row)] = np.array(row).T
    return ItemWords(table[0], table[1], len(kept))


def _words(column: pd.Series) -> list[list[str]]:
    """(I,) the words of each text, in lower case."""
    return column.astype("string").fillna("").str.lower().str.findall(WORD).tolist()
