"""The items of a bench: text search, and each item's neighbours in the train histories and by text similarity."""
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.arguments import public
from workbench.data.graph import binary_user_items, transitions
from workbench.data.schema import ITEM, RAW, TIME, USER
from workbench.errors import UserError, is_integer
from workbench.experiment.bench import Bench

COLUMNS = ("category", "brand")  # columns that describe an item beside its title
SHRINKAGE = 20.0  # of the co-occurrence cosine, as in item_knn
MAX_QUERY, MAX_TITLE = 40, 60  # characters of a query and of a title in a caption
BEFORE, AFTER, SAME_USERS, SIMILAR_TEXT = "directly before", "directly after", "same users", "similar text"


@public
@dataclass(frozen=True)
class ItemIndex:
    """The items of a bench. Each attribute is computed when it is first used."""

    bench: Bench

    @cached_property
    def titles(self) -> np.ndarray:
        """(I+1,) titles, or raw ids where items have none; '' at 0."""
        return self.bench.dataset.titles()

    @cached_property
    def train_counts(self) -> np.ndarray:
        """(I+1,) occurrences of each item in train."""
        return self.bench.split.train_counts()

    @cached_property
    def transition_counts(self) -> csr_matrix:
        """(I+1, I+1): entry (i, j) counts how often item j directly followed item i in train."""
        return transitions(self.bench.split.train, self.bench.split.n_items)

    @cached_property
    def reversed_transition_counts(self) -> csr_matrix:
        """(I+1, I+1): entry (i, j) counts how often item j directly preceded item i in train."""
        return self.transition_counts.T.tocsr()

    @cached_property
    def user_items(self) -> csr_matrix:
        """(U, I+1) binary user-item matrix of train."""
        return binary_user_items(self.bench.split.train, self.bench.split.n_items)

    @cached_property
    def item_users(self) -> csr_matrix:
        """(I+1, U) the transpose of `user_items`, by row."""
        return self.user_items.T.tocsr()

    @cached_property
    def text_vectors(self) -> np.ndarray | None:
        """(I+1, D) TF-IDF vectors of the item texts, normalized to unit length; None where items have no text."""
        try:
            vectors = self.bench.vectors("text")
        except UserError:
            return None
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)

    @cached_property
    def search_keys(self) -> list[tuple[str, str]]:
        """Normalized title and raw id of each item 1..I, see `normalize_text`."""
        raw_ids = self.bench.dataset.items[RAW]
        return [(normalize_text(title), normalize_text(raw)) for title, raw in zip(self.titles[1:], raw_ids)]

    def search(self, text: str) -> np.ndarray:
        """(n,) items whose title or raw id contains the text, ignoring case, accents and repeated blanks; all items for
        an empty text. An exact match of a raw id comes first, then by frequency in train. The text is no pattern."""
        query = normalize_text(text)
        exact = 1 + np.flatnonzero([raw == query for _, raw in self.search_keys])
        matches = 1 + np.flatnonzero([query in title or query in raw for title, raw in self.search_keys])
        return matches[np.lexsort((-self.train_counts[matches], ~np.isin(matches, exact)))]

    @cached_property
    def title_grams(self) -> tuple[Any, csr_matrix]:
        """The vectorizer of titles by their letters, two or three in a row, and the vectors (I, grams)."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 3), dtype=np.float32)
        return vectorizer, vectorizer.fit_transform([title for title, _ in self.search_keys])

    def nearest_titles(self, text: str, n: int = 3) -> list[str]:
        """Up to n different titles spelled most like a text, by the letters that they share; [] where none shares
        any."""
        vectorizer, grams = self.title_grams
        similarity = (grams @ vectorizer.transform([normalize_text(text)]).T).toarray()[:, 0]
        return list(dict.fromkeys(self.titles[1 + _top_k(similarity, 10 * n).index]))[:n]

    def find(self, text: str, *, n: int = 10) -> pd.DataFrame:
        """The first n items of `search`, one row each: title, category and brand where there are any, raw id, and train
        events. UserError if n is not a whole number from 1."""
        if not is_integer(n, 1):
            raise UserError(f"n={n!r}: how many items are shown, a whole number from 1")
        items = self.search(text)
        shown = items[:n]
        frame = pd.DataFrame(item_columns(self.bench, shown), index=pd.Index(shown, name="item"))
        frame["raw id"] = self.bench.dataset.items[RAW].loc[shown].tolist()
        frame["train events"] = self.train_counts[shown]
        frame.attrs["caption"] = self.match_caption(text, len(items), n)
        return frame

    def match_caption(self, text: str, matches: int, n: int) -> str:
        """The number of items that match a text, and which n of them are shown, in words; the nearest titles where none
        matches."""
        shown = f"; these are the {n} most frequent in train." if matches > n else "."
        if not normalize_text(text):
            return f"All {matches:,} items{shown}"
        verb = "has" if matches == 1 else "have"
        query = _cut(text, MAX_QUERY)
        if not matches:
            nearest = " · ".join(_cut(title, MAX_TITLE) for title in self.nearest_titles(text))
            nearest = nearest and f" Nearest titles: {nearest}."
            return f"No item matches “{query}” in title or raw id.{nearest}"
        return f"{matches:,} of {len(self.titles) - 1:,} items {verb} “{query}” in title or raw id{shown}"

    def properties(self, item: int) -> pd.DataFrame:
        """All fields of an item in the catalogue, from which text vectors are computed, one row each: value. UserError
        if there is no such item."""
        self.check(item)
        row = self.bench.dataset.items.loc[item].dropna()
        fields = {name: str(value) for name, value in row.items() if str(value).strip()}
        return pd.DataFrame({"value": list(fields.values())}, index=pd.Index(list(fields), name="field"))

    def statistics(self, item: int) -> dict[str, int | pd.Timestamp]:
        """Statistics of an item: events and users in the whole log, train_events, rank by frequency in train (1-based),
        and the first and last time if the log has timestamps. UserError if there is no such item."""
        self.check(item)
        interactions = self.bench.dataset.interactions
        events = interactions[interactions[ITEM].to_numpy() == item]
        statistics = {
            "events": len(events), "users": events[USER].nunique(), "train_events": int(self.train_counts[item]),
            "rank": 1 + int((self.train_counts[1:] > self.train_counts[item]).sum()),
        }  # fmt: skip
        if self.bench.dataset.has_times and len(events):
            span = {"first": events[TIME].min(), "last": events[TIME].max()}
            statistics |= {name: pd.Timestamp(int(time), unit="s") for name, time in span.items()}
        return statistics

    def neighbours(self, item: int, k: int = 6) -> dict[str, pd.Series]:
        """Up to k nearest items by each of four relations, each a Series by item, nearest first.

        "directly before" and "directly after": transition counts in train. "same users": the number of users who have
        both items, ordered by shrunken cosine. "similar text", where items have text: the cosine of their TF-IDF
        vectors. UserError if there is no such item, or if k is below 1.
        """
        self.check(item)
        if not is_integer(k, 1):
            raise UserError(f"k={k!r}: the number of neighbours of each kind, a whole number from 1")
        common_users = (self.item_users[item] @ self.user_items).toarray()[0]
        n_users = np.diff(self.item_users.indptr).astype(float)
        common_users[item] = 0
        nearest = _top_k(common_users / (np.sqrt(n_users * n_users[item]) + SHRINKAGE), k).index
        neighbours = {
            BEFORE: _top_k(self.reversed_transition_counts[item].toarray()[0], k),
            AFTER: _top_k(self.transition_counts[item].toarray()[0], k),
            SAME_USERS: pd.Series(common_users[nearest], index=nearest),
        }
        if self.text_vectors is not None:
            similarity = self.text_vectors @ self.text_vectors[item]
            similarity[item] = 0
            neighbours[SIMILAR_TEXT] = _top_k(similarity, k)
        return neighbours

    def check(self, item: int) -> None:
        """UserError if there is no such item."""
        if not is_integer(item, 1, self.bench.split.n_items):
            raise UserError(f"item {item!r}: this catalogue has items 1 to {self.bench.split.n_items:,}")


def inspect_items(bench: Bench) -> ItemIndex:
    """Search the items of a bench and look up their neighbours: `inspect_items(bench).find("green tea")`."""
    return ItemIndex(bench)


def item_columns(bench: Bench, items: np.ndarray) -> dict[str, list]:
    """Columns of a table that describe items: title, and category and brand where there are any."""
    names = [name for name in COLUMNS if name in bench.dataset.items]
    rows = bench.dataset.items.loc[items]
    return {"title": bench.dataset.titles(items).tolist()} | {name: rows[name].tolist() for name in names}


def _top_k(scores: np.ndarray, k: int) -> pd.Series:
    """The k largest positive scores by item; ties go to the lower index."""
    order = np.argsort(-scores, kind="stable")[:k]
    top = pd.Series(scores[order], index=order)
    return top[top > 0]


def _cut(text: str, length: int) -> str:
    """A text of at most `length` characters."""
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def normalize_text(text: object) -> str:
    """A text as search compares it: lower case, without accents, single blanks.

    >>> normalize_text(" Crème  BRÛLÉE ")
    'creme brulee'
    """
    line = " ".join(str(text).casefold().split())
    if line.isascii():
        return line
    return "".join(c for c in unicodedata.normalize("NFKD", line) if not unicodedata.combining(c))
