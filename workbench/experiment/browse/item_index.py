"""The items of a bench to look through: found by letters, and what stands around one in train and in words."""
import unicodedata
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.data.graph import item_sets, transitions
from workbench.data.schema import ITEM, RAW, TIME, USER
from workbench.errors import UserError, whole
from workbench.experiment.bench import Bench

SHRINKAGE = 20.0  # of the cosine by which items of the same people are ordered, as item_knn has it


@dataclass(frozen=True)
class Shelf:
    """The items of a bench. What every question needs is made once, when it is first asked for."""

    bench: Bench

    @cached_property
    def titles(self) -> np.ndarray:
        """(I+1,) what to call items, '' at 0."""
        return self.bench.dataset.titles()

    @cached_property
    def counts(self) -> np.ndarray:
        """(I+1,) how often each item occurs in train."""
        return self.bench.split.train_counts()

    @cached_property
    def follows(self) -> csr_matrix:
        """(I+1, I+1) how often one item directly followed another in train."""
        return transitions(self.bench.split.train, self.bench.split.n_items)

    @cached_property
    def precedes(self) -> csr_matrix:
        """(I+1, I+1) how often one item came directly before another in train."""
        return self.follows.T.tocsr()

    @cached_property
    def people(self) -> tuple[csr_matrix, csr_matrix]:
        """(U, I+1) who has what in train, in ones, and the same by item."""
        seen = item_sets(self.bench.split.train, self.bench.split.n_items)
        return seen, seen.T.tocsr()

    @cached_property
    def vectors(self) -> np.ndarray | None:
        """(I+1, D) unit rows of item texts, None where there are none."""
        try:
            rows = self.bench.vectors("text")
        except UserError:
            return None
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)

    @cached_property
    def spoken(self) -> list[tuple[str, str]]:
        """Title and raw id of each item 1..I as `folded` has them."""
        return [(folded(title), folded(raw)) for title, raw in zip(self.titles[1:], self.bench.dataset.items[RAW])]

    def find(self, text: str) -> np.ndarray:
        """(n,) items whose title or raw id holds a text, whatever its case, accents and blanks: one whose raw id it is
        first, then those most frequent in train. All items where the text is empty; a pattern is a text like any other.
        """
        wanted = folded(text)
        own = 1 + np.flatnonzero([raw == wanted for _, raw in self.spoken])
        there = 1 + np.flatnonzero([wanted in title or wanted in raw for title, raw in self.spoken])
        return there[np.lexsort((-self.counts[there], ~np.isin(there, own)))]

    def facts(self, item: int) -> dict[str, int | pd.Timestamp]:
        """Events and users of an item in the whole log, in train, its place there by frequency, and its first and last
        time where there are times. UserError where there is no such item."""
        self._check(item)
        log = self.bench.dataset.interactions
        own = log[log[ITEM].to_numpy() == item]
        facts = {"events": len(own), "users": own[USER].nunique(), "train": int(self.counts[item]),
                 "place": 1 + int((self.counts[1:] > self.counts[item]).sum())}  # fmt: skip
        if self.bench.dataset.has_times and len(own):
            facts |= {name: pd.Timestamp(int(time), unit="s")
                      for name, time in (("first", own[TIME].min()), ("last", own[TIME].max()))}  # fmt: skip
        return facts

    def around(self, item: int, k: int = 6) -> dict[str, pd.Series]:
        """The items that stand around one, the nearest first, at most k of each sort: those that came right before and
        right after it in train, with how often; those of the same users, by shrunken cosine, with how many users have
        both; and those with words like its own, with the cosine of TF-IDF vectors. UserError where there is no such
        item."""
        self._check(item)
        if not whole(k, 1):
            raise UserError(f"k={k!r}: how many items of each sort, a whole number from 1")
        seen, has = self.people
        both, size = (has[item] @ seen).toarray()[0], np.diff(has.indptr).astype(float)
        both[item] = 0
        near = _first(both / (np.sqrt(size * size[item]) + SHRINKAGE), k).index
        found = {
            "right before": _first(self.precedes[item].toarray()[0], k),
            "right after": _first(self.follows[item].toarray()[0], k),
            "of the same users": pd.Series(both[near], index=near),
        }
        if self.vectors is not None:
            like = self.vectors @ self.vectors[item]
            like[item] = 0
            found["alike in words"] = _first(like, k)
        return found

    def _check(self, item: int) -> None:
        if not whole(item, 1, self.bench.split.n_items):
            raise UserError(f"item {item!r}: this catalogue has items 1 to {self.bench.split.n_items:,}")


def _first(strength: np.ndarray, k: int) -> pd.Series:
    """The k largest positive entries by index, ties to the lower one."""
    order = np.argsort(-strength, kind="stable")[:k]
    kept = pd.Series(strength[order], index=order)
    return kept[kept > 0]


def folded(text: object) -> str:
    """A text as it is searched: lower case, no accents, single blanks.

    >>> folded(" Crème  BRÛLÉE ")
    'creme brulee'
    """
    line = " ".join(str(text).casefold().split())
    if line.isascii():
        return line
    return "".join(c for c in unicodedata.normalize("NFKD", line) if not unicodedata.combining(c))
