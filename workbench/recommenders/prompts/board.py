"""A shared board: what the steps of a retrieval pipeline write for one another, and the text statistics they read."""
import re
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

from workbench.data import Histories

WORD = re.compile(r"[^\W\d_]{3,}")
DENIED = re.compile(r"\b(?:no|not|non|never|without)[\s-]+([^\W\d_]{3,})|\b([^\W\d_]{3,})[\s-]free\b")


@dataclass
class Board:
    """B cases of N candidates each. Every step reads what others wrote and writes one field; None until then.

    histories: B. candidates: (B, N) item ids, retrieved. wanted: (B, F) sparse, what each user wants: a weight for
    each term. support: (B, N) from -1 (its text denies all that is wanted) to 1 (it says all of it). accepted: (B, N)
    bool. summary: (B, F) sparse, the terms of what was accepted. scores: (B, N).
    """

    histories: Histories
    candidates: np.ndarray
    wanted: sparse.csr_matrix | None = None
    support: np.ndarray | None = None
    accepted: np.ndarray | None = None
    summary: sparse.csr_matrix | None = None
    scores: np.ndarray | None = None
    written: list[str] = field(default_factory=list)  # the fields, in the order of the steps

    def write(self, name: str, value: object) -> None:
        """Write a field. ValueError where a step has written it."""
        if name in self.written:
            raise ValueError(f"two steps write {name!r} on the board")
        setattr(self, name, value)
        self.written.append(name)


class Terms:
    """What the texts of items (I,) say. weights: (I+1, F) sublinear TF-IDF, unit rows. says: (I+1, F) 1 where a text
    has a term, -1 where it denies it ("no perfume", "non-vegan", "paraben-free"). names: (F,). Row 0 is empty."""

    def __init__(self, texts: list[str]):
        lowered = [text.lower() for text in ["", *texts]]
        reader = CountVectorizer(analyzer=_words, dtype=np.float32)
        counts = sparse.csr_matrix(reader.fit_transform(lowered))
        frequency = np.asarray((counts > 0).sum(0)).ravel()
        counts.data = (1 + np.log(counts.data)) * (1 + np.log((1 + len(texts)) / (1 + frequency)))[counts.indices]
        length = np.sqrt(np.asarray(counts.multiply(counts).sum(1)).ravel())
        counts.data = (counts.data / np.repeat(length, np.diff(counts.indptr))).astype(np.float32)
        self.weights, self.names = counts, reader.get_feature_names_out()
        denied = CountVectorizer(analyzer=_denied, vocabulary=reader.vocabulary_, dtype=np.float32).transform(lowered)
        said = counts.copy()
        said.data[:] = 1
        self.says = sparse.csr_matrix(said - 2 * (denied > 0).astype(np.float32))

    def of(self, rows: np.ndarray, weights: np.ndarray, items: np.ndarray, n: int) -> sparse.csr_matrix:
        """(n, F) the weighted sum, by row, of the weights of items; all (E,)."""
        shape = (n, self.weights.shape[0])
        return sparse.csr_matrix((weights.astype(np.float32), (rows, items)), shape=shape) @ self.weights


def _words(text: str) -> list[str]:
    return [word for word in WORD.findall(text) if word not in ENGLISH_STOP_WORDS]


def _denied(text: str) -> list[str]:
    return [one or other for one, other in DENIED.findall(text)]


def strongest(rows: sparse.csr_matrix, k: int) -> sparse.csr_matrix:
    """The k largest entries of each row, the first ones in a tie, scaled to sum to 1; a row without any stays empty."""
    rows = sparse.csr_matrix(rows)
    rows.sort_indices()
    row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    order = np.lexsort((-rows.data, row))
    place = np.arange(len(order)) - rows.indptr[row[order]]
    kept = np.sort(order[place < k])
    totals = np.bincount(row[kept], rows.data[kept], minlength=rows.shape[0])
    values = (rows.data[kept] / totals[row[kept]]).astype(np.float32)
    return sparse.csr_matrix((values, (row[kept], rows.indices[kept])), shape=rows.shape)


def products(of_cases: sparse.csr_matrix, of_items: sparse.csr_matrix, candidates: np.ndarray) -> np.ndarray:
    """(B, N) inner products of rows (B, F) with those (I+1, F) of the candidates (B, N) of each."""
    B, N = candidates.shape
    found = of_cases[np.repeat(np.arange(B), N)].multiply(of_items[candidates.ravel()]).sum(1)
    return np.asarray(found, np.float64).reshape(B, N)
