"""What prototypes stand for: the items and the words that belong to each, side by side."""
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix


class Described(NamedTuple):
    """Things that belong to prototypes. shares: (N+1, K), rows add up to 1, row 0 is padding. counts: (N+1,) events in
    train. names: N+1 of them."""

    shares: np.ndarray
    counts: np.ndarray
    names: Sequence[str]


def side_by_side(words: Described, items: Described, *, top: int = 10, least: int = 10) -> pd.DataFrame:
    """A row for each prototype and rank: prototype and rank from 1, word, word_share, item, item_share.

    Words and items with the largest shares come first, of those with `least` events in train or more; "" and NaN where
    there are fewer than `top`.
    """
    found = []
    for k in range(items.shares.shape[1]):
        part = {"prototype": k + 1, "rank": np.arange(1, top + 1)}
        for name, each in (("word", words), ("item", items)):
            known = np.flatnonzero(each.counts[1:] >= least) + 1
            best = known[np.argsort(-each.shares[known, k], kind="stable")][:top]
            part[name] = [*(each.names[i] for i in best), *[""] * (top - len(best))]
            part[f"{name}_share"] = np.pad(each.shares[best, k], (0, top - len(best)), constant_values=np.nan)
        found.append(pd.DataFrame(part))
    return pd.concat(found, ignore_index=True)


def agreement(words: np.ndarray, items: np.ndarray, table: csr_matrix) -> tuple[float, float]:
    """How far items belong to the prototypes of their words: the mean over items of the sum over prototypes of
    their share times that of their words, and the same of an item and the words of another, which is chance.

    words: (F+1, K) shares. items: (I+1, K). table: (I+1, F+1) weights of the words of items; items without words do not
    count. 1 where both are hard and the same.
    """
    total = np.asarray(table.sum(1)).ravel()
    known = np.flatnonzero(total > 0)
    of_words, of_items = (table[known] @ words) / total[known, None], items[known]
    return float((of_words * of_items).sum(1).mean()), float(of_words.mean(0) @ of_items.mean(0))
