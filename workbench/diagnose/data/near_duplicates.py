"""Near-duplicates: repeated events, shared titles, and items with nearly identical texts or vectors."""
from collections.abc import Callable

import numpy as np
from scipy import sparse

from workbench.data import Dataset, Histories, Split, lint
from workbench.diagnose.verdict.card import Card, Figure, mean_figure
from workbench.embed.svd import l2_normalize
from workbench.embed.text import tfidf
from workbench.errors import UserError
from workbench.train.rng import named_rng

THRESHOLD = 0.95  # cosine from which two items are near-duplicates
BLOCK = 512
MAX_TRANSITIONS = 100_000  # transitions that are sampled


def lint_findings(check: Callable, dataset: Dataset, split: Split, n: int) -> Card:
    """A check of workbench.data.lint as figures over n users, items or events; without a value it is unmeasured."""
    findings = list(check(lint.LintContext(dataset, split.protocol)))
    figures = [
        Figure(f.check, float(f.value), null=f.reference, n=n, note=f.note,
               direction="" if np.isnan(f.reference) else "above")
        for f in findings if not np.isnan(f.value)
    ]  # fmt: skip
    return Card(tuple(figures), unmeasured={f.check: f.note for f in findings if np.isnan(f.value)})


def near_duplicate_texts(dataset: Dataset, split: Split, *, threshold: float = THRESHOLD, seed: int = 0) -> Card:
    """Items whose text is nearly that of another (TF-IDF cosine of at least `threshold`), and the share of train
    transitions between such items. Null: words assigned to items at random. If the text is only a category, all items
    of a category are near-duplicates. UserError without text."""
    rows, rng = tfidf(dataset), named_rng(seed, "near texts")
    words = rows.tocoo()
    permuted = sparse.csr_matrix((words.data, (rng.permutation(words.row), words.col)), shape=rows.shape)
    length = np.sqrt(np.asarray(permuted.multiply(permuted).sum(axis=1)).ravel())
    permuted = sparse.csr_matrix(sparse.diags(1 / np.where(length > 0, length, 1)) @ permuted)
    return _near_duplicates("near-duplicate texts", rows, permuted, split, threshold, rng)


def near_duplicate_vectors(vectors: np.ndarray, split: Split, *, threshold: float = THRESHOLD, seed: int = 0) -> Card:
    """Items whose vector is nearly that of another (cosine of at least `threshold`), and the share of train transitions
    between such items. Null: every column permuted between items.

    vectors: (I+1, D); items with a zero row have no near-duplicate. In few dimensions merely similar items count as
    near-duplicates. UserError if fewer than two items have a vector.
    """
    rows, rng = l2_normalize(vectors[1:].astype(np.float32)), named_rng(seed, "near vectors")
    nonzero = np.flatnonzero(rows.any(axis=1))
    if len(nonzero) < 2:
        raise UserError(f"{len(nonzero)} items have a vector; at least two are needed", code=3)
    permuted = np.zeros_like(rows)
    permuted[nonzero] = l2_normalize(np.column_stack([rng.permutation(column) for column in rows[nonzero].T]))
    return _near_duplicates("near-duplicate vectors", rows, permuted, split, threshold, rng)


def _near_duplicates(what: str, rows, control, split: Split, threshold: float, rng: np.random.Generator) -> Card:
    """The figures for unit rows (I, D), dense or sparse, with a control of the same shape as the null."""
    figure = mean_figure(
        f"items with {what}",
        has_near_duplicate(rows, threshold), null=float(has_near_duplicate(control, threshold).mean()),
        direction="above",
        note=f"Share of items with another item at a cosine of {threshold} or more; null: permuted features.",
    )  # fmt: skip
    if split.protocol.random_order:
        return Card((figure,),
                    unmeasured={f"transitions between {what}": "the split is random, so there are no transitions"})
    before, after = sample_transitions(split.train, MAX_TRANSITIONS, rng)
    if not len(before):
        return Card((figure,), unmeasured={f"transitions between {what}": "no train history has two items"})
    other = rng.permutation(after)
    observed, null = (_cosines(rows, before - 1, second - 1) >= threshold for second in (after, other))
    transitions = mean_figure(
        f"transitions between {what}",
        observed, null=float(null[before != other].mean()) if (before != other).any() else 0.0,
        direction="above",
        note="Share of train transitions between near-duplicates; null: second items permuted.",
    )  # fmt: skip
    return Card((figure, transitions))


def _cosines(rows, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(n,) inner products of pairs of rows, dense or sparse."""
    if sparse.issparse(rows):
        return np.asarray(rows[first].multiply(rows[second]).sum(axis=1)).ravel()
    return np.einsum("nd,nd->n", rows[first], rows[second])


def sample_transitions(train: Histories, limit: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(n,) each: a random sample of at most `limit` transitions between two different items."""
    at = np.flatnonzero((np.diff(train.rows()) == 0) & (np.diff(train.items) != 0))
    at = at if len(at) <= limit else np.sort(rng.choice(at, limit, replace=False))
    return train.items[at], train.items[at + 1]


def has_near_duplicate(rows: np.ndarray | sparse.csr_matrix, threshold: float = THRESHOLD) -> np.ndarray:
    """(n,) bool: whether another of the unit rows (n, D), dense or sparse, has a cosine of at least `threshold`.

    >>> has_near_duplicate(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])).tolist()
    [True, True, False]
    """
    duplicate = np.zeros(rows.shape[0], bool)
    for start in range(0, rows.shape[0], BLOCK):
        products = rows[start : start + BLOCK] @ rows[start:].T  # with all later rows, so each pair is computed once
        if sparse.issparse(products):
            products = products.tocoo()
            close = products.data >= threshold
            close &= products.row != products.col
            duplicate[start + products.row[close]] = True
            duplicate[start + products.col[close]] = True
        else:
            close = products >= threshold
            np.fill_diagonal(close, False)
            duplicate[start : start + len(close)] |= close.any(axis=1)
            duplicate[start:] |= close.any(axis=0)
    return duplicate
