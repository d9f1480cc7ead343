"""Items as typed words: the words of title, brand and category, each with the kind of text it is from."""
from collections import Counter
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from workbench.data.schema import Dataset
from workbench.embed.svd import truncated_svd
from workbench.errors import UserError

FIELDS = {"title": 8, "brand": 2, "category": 4}  # column of the items: words read of it
MIN_ITEMS = 2  # a word of fewer items says nothing about others
WORD = r"[^\W_]{2,}"


class TypedWords(NamedTuple):
    """words, kinds: (I+1, L) int64, right-padded with 0; row 0 is padding. n_words: ids are 1 to n_words; kinds are 1
    for a title, 2 for a brand, 3 for a category."""

    words: np.ndarray
    kinds: np.ndarray
    n_words: int


def typed_words(dataset: Dataset) -> TypedWords:
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
    return TypedWords(table[0], table[1], len(kept))


def word_vectors(words: np.ndarray, n_words: int, dim: int, seed: int = 0) -> np.ndarray:
    """(W+1, dim) float32 unit rows, row 0 zeros: words are near that stand in the text of the same items, by truncated
    SVD of the words (rows) by items, an item weighing the less the more words it has. words: (I+1, L) of the items."""
    item, place = np.nonzero(words)
    shape = (n_words, len(words) - 1)
    table = sparse.csr_matrix((np.ones(len(item), np.float32), (words[item, place] - 1, item - 1)), shape)
    table.data[:] = 1  # a word that stands twice in a text
    weight = np.log(shape[1] / np.maximum(1, table.getnnz(axis=0)))
    return truncated_svd(sparse.csr_matrix(table.multiply(weight)), dim, seed)


def _words(column: pd.Series) -> list[list[str]]:
    """(I,) the words of each text, in lower case."""
    return column.astype("string").fillna("").str.lower().str.findall(WORD).tolist()
