"""Near-duplicate texts among the items that share all codes, and among all items."""
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from workbench.data import Dataset
from workbench.diagnose.data.near_duplicates import BLOCK, THRESHOLD
from workbench.embed.documents import documents
from workbench.embed.text import tfidf
from workbench.tokens import ItemCodes


class NearTexts(NamedTuple):
    """text: (I+1,) int64 number of each item's text, which equal texts share; -1 for padding and items without words.
    near: (T, T) float64, symmetric: 1 where two different texts are near-duplicates, else 0."""

    text: np.ndarray
    near: sparse.csr_matrix


def near_texts(dataset: Dataset, *, threshold: float = THRESHOLD) -> NearTexts:
    """The near-duplicates among the texts of a dataset's items: those with a TF-IDF cosine of at least `threshold`.
    Equal texts are compared once, since they may be many: those that are only a category. UserError without text."""
    rows = tfidf(dataset)
    number, distinct = pd.factorize(documents(dataset))
    first = np.zeros(len(distinct), np.int64)
    first[number[::-1]] = np.arange(len(number))[::-1]
    text = np.append(-1, np.where(rows.getnnz(axis=1) > 0, number, -1))
    return NearTexts(text.astype(np.int64), near_pairs(rows[first], threshold))


def near_pairs(rows: sparse.csr_matrix, threshold: float = THRESHOLD) -> sparse.csr_matrix:
    """(n, n) float64, symmetric: 1 where two different unit rows (n, F) have a cosine of at least `threshold`."""
    n, some, others = rows.shape[0], [], []
    for start in range(0, n, BLOCK):
        cosine = (rows[start : start + BLOCK] @ rows[start:].T).tocoo()  # with later rows: each pair is computed once
        close = (cosine.data >= threshold) & (cosine.col > cosine.row)
        some.append(start + cosine.row[close])
        others.append(start + cosine.col[close])
    pairs = np.concatenate(some), np.concatenate(others)
    half = sparse.csr_matrix((np.ones(len(pairs[0])), pairs), shape=(n, n))
    return half + half.T


def near_share(group: np.ndarray, texts: NearTexts) -> float:
    """The share of pairs of items of the same group (I+1,), numbers from 0 on, whose texts are equal or
    near-duplicates; items without a text are excluded. nan without a pair."""
    item = np.flatnonzero(texts.text >= 0)
    place = group[item].astype(np.int64), texts.text[item]
    held = sparse.csr_matrix((np.ones(len(item)), place), shape=(int(group.max()) + 1, texts.near.shape[0]))
    held.sum_duplicates()  # items of each group with each text
    sizes = np.asarray(held.sum(axis=1)).ravel()
    pairs, equal = (sizes * (sizes - 1)).sum(), (held.data * (held.data - 1)).sum()
    near = (held @ texts.near).multiply(held).sum()
    return float((equal + near) / pairs) if pairs else np.nan


def colliding_texts(codes: ItemCodes, texts: NearTexts) -> tuple[float, float]:
    """The share of pairs with the same full code whose texts are near-duplicates, and that of all pairs, which permuted
    codes would have. nan without collisions."""
    return near_share(codes.trie.group, texts), near_share(np.zeros(codes.n_items + 1, np.int64), texts)
