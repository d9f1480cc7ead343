"""The same thing twice: events that repeat, titles that are shared, items whose texts or vectors nearly coincide."""
from collections.abc import Callable

import numpy as np
from scipy import sparse

from workbench.data import Dataset, Histories, Split, lint
from workbench.diagnose.verdict.card import Card, Figure, mean_figure
from workbench.embed.svd import unit
from workbench.embed.text import tfidf
from workbench.errors import UserError
from workbench.train.rng import stream

NEAR = 0.95  # cosine from which two items are near twins
BLOCK = 512
DRAWN = 100_000  # steps that are looked at


def findings(check: Callable, dataset: Dataset, cut: Split, n: int) -> Card:
    """A check of workbench.data.lint as figures over n things; what has no value is unmeasured, with its note."""
    found = list(check(lint.Subject(dataset, cut.protocol)))
    figures = [
        Figure(f.check, float(f.value), null=f.null_or_reference, n=n, note=f.note,
               toward="" if np.isnan(f.null_or_reference) else "above")
        for f in found if not np.isnan(f.value)
    ]  # fmt: skip
    return Card(tuple(figures), unmeasured={f.check: f.note for f in found if np.isnan(f.value)})


def near_texts(dataset: Dataset, cut: Split, *, near: float = NEAR, seed: int = 0) -> Card:
    """Items whose text nearly is that of another: TF-IDF of all words, at a cosine of at least `near`, and the share of
    train steps between such items. The null deals all words to items at random. Where the text is no more than a
    category, items of one category are near duplicates. UserError without text."""
    rows, rng = tfidf(dataset), stream(seed, "near texts")
    words = rows.tocoo()
    dealt = sparse.csr_matrix((words.data, (rng.permutation(words.row), words.col)), shape=rows.shape)
    length = np.sqrt(np.asarray(dealt.multiply(dealt).sum(axis=1)).ravel())
    dealt = sparse.csr_matrix(sparse.diags(1 / np.where(length > 0, length, 1)) @ dealt)
    return _twins("near-duplicate texts", rows, dealt, cut, near, rng)


def near_vectors(vectors: np.ndarray, cut: Split, *, near: float = NEAR, seed: int = 0) -> Card:
    """Items whose vector nearly is that of another, at a cosine of at least `near`, and the share of train steps
    between such items. The null permutes every column between items.

    vectors: (I+1, D); items with a zero row have no twin. Few dimensions make twins of what merely is alike. UserError
    where fewer than two items have a vector.
    """
    rows, rng = unit(vectors[1:].astype(np.float32)), stream(seed, "near vectors")
    there = np.flatnonzero(rows.any(axis=1))
    if len(there) < 2:
        raise UserError(f"{len(there)} items have a vector; two can be compared", code=3)
    mixed = np.zeros_like(rows)
    mixed[there] = unit(np.column_stack([rng.permutation(column) for column in rows[there].T]))
    return _twins("near-duplicate vectors", rows, mixed, cut, near, rng)


def _twins(what: str, rows, control, cut: Split, near: float, rng: np.random.Generator) -> Card:
    """The figures of unit rows (I, D), dense or sparse, and of a control of the same shape."""
    figure = mean_figure(
        f"items with {what}", has_twin(rows, near), null=float(has_twin(control, near).mean()), toward="above",
        note=f"Share of items with another at a cosine of {near} or more; the null deals features out at random.",
    )  # fmt: skip
    if cut.protocol.split == "random":
        return Card((figure,), unmeasured={f"steps between {what}": "the split is random, so nothing follows"})
    before, after = different_steps(cut.train, DRAWN, rng)
    if not len(before):
        return Card((figure,), unmeasured={f"steps between {what}": "no train history has two items"})
    other = rng.permutation(after)
    real, dealt = (_cosines(rows, before - 1, second - 1) >= near for second in (after, other))
    steps = mean_figure(
        f"steps between {what}", real, null=float(dealt[before != other].mean()) if (before != other).any() else 0.0,
        toward="above", note="Share of train steps between two such items; the null deals the second items to others.",
    )  # fmt: skip
    return Card((figure, steps))


def _cosines(rows, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(n,) products of pairs of rows, dense or sparse."""
    if sparse.issparse(rows):
        return np.asarray(rows[first].multiply(rows[second]).sum(axis=1)).ravel()
    return np.einsum("nd,nd->n", rows[first], rows[second])


def different_steps(train: Histories, most: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(n,) each: successive pairs of two different items of one history, at most so many, drawn at random."""
    at = np.flatnonzero((np.diff(train.rows()) == 0) & (np.diff(train.items) != 0))
    at = at if len(at) <= most else np.sort(rng.choice(at, most, replace=False))
    return train.items[at], train.items[at + 1]


def has_twin(rows: np.ndarray | sparse.csr_matrix, near: float = NEAR) -> np.ndarray:
    """(n,) bool: whether another of these unit rows (n, D), dense or sparse, has a cosine of at least `near`.

    >>> has_twin(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])).tolist()
    [True, True, False]
    """
    found = np.zeros(rows.shape[0], bool)
    for start in range(0, rows.shape[0], BLOCK):
        products = rows[start : start + BLOCK] @ rows[start:].T  # with all later rows: each pair is looked at once
        if sparse.issparse(products):
            products = products.tocoo()
            close = products.data >= near
            close &= products.row != products.col
            found[start + products.row[close]] = True
            found[start + products.col[close]] = True
        else:
            close = products >= near
            np.fill_diagonal(close, False)
            found[start : start + len(close)] |= close.any(axis=1)
            found[start:] |= close.any(axis=0)
    return found
