"""The same thing twice: events that repeat, titles that are shared, and items whose vectors nearly coincide."""
from collections.abc import Callable, Iterator

import numpy as np

from workbench.data import Dataset, Histories, Split, lint
from workbench.diagnose.card import Card, Figure, mean_figure
from workbench.embed.spectrum import unit
from workbench.embed.text import tfidf_svd
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


def near_twins(
    dataset: Dataset, cut: Split, *, vectors: np.ndarray | None = None, near: float = NEAR, seed: int = 0
) -> Card:
    """Items with another one at a cosine of at least `near`, and the share of train steps between such twins.

    vectors: (I+1, D), by default TF-IDF of the item text in 64 dimensions; items with a zero row are left out. The null
    of the items permutes every column of the vectors between items, that of the steps deals what comes second to other
    steps. UserError without text, or with fewer than two items that have a vector.
    """
    rng = stream(seed, "near twins")
    rows = unit((tfidf_svd(dataset, seed=seed) if vectors is None else vectors)[1:].astype(np.float32))
    there = np.flatnonzero(rows.any(axis=1))
    if len(there) < 2:
        raise UserError(f"{len(there)} items have a vector; two can be compared", code=3)
    own = rows[there]
    mixed = unit(np.column_stack([rng.permutation(column) for column in own.T]))
    twin = has_twin(own, near)
    figures = [mean_figure(
        "items with a near twin", twin, null=float(has_twin(mixed, near).mean()), toward="above",
        note=f"Share of items with another at a cosine of {near} or more; the null permutes each column by itself.",
    )]  # fmt: skip
    if cut.protocol.split == "random":
        return Card(tuple(figures), unmeasured={"steps between near twins": "the split is random, so nothing follows"})
    before, after = different_steps(cut.train, DRAWN, rng)
    if len(before):
        dealt = rng.permutation(after)
        close = [(rows[before - 1] * rows[other - 1]).sum(axis=1) >= near for other in (after, dealt)]
        figures.append(mean_figure(
            "steps between near twins", close[0], null=float(close[1][before != dealt].mean()), toward="above",
            note="Share of train steps from an item to a near twin of it; the null deals the second items to others.",
        ))  # fmt: skip
    return Card(tuple(figures))


def different_steps(train: Histories, most: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(n,) each: successive pairs of two different items of one history, at most so many, drawn at random."""
    at = np.flatnonzero((np.diff(train.rows()) == 0) & (np.diff(train.items) != 0))
    at = at if len(at) <= most else np.sort(rng.choice(at, most, replace=False))
    return train.items[at], train.items[at + 1]


def has_twin(rows: np.ndarray, near: float = NEAR) -> np.ndarray:
    """(n,) bool: whether another of these unit rows (n, D) has a cosine of at least `near`.

    >>> has_twin(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])).tolist()
    [True, True, False]
    """
    found = np.zeros(len(rows), bool)
    for start, close in _blocks(rows, near):
        found[start : start + len(close)] |= close.any(axis=1)
        found[start:] |= close.any(axis=0)
    return found


def _blocks(rows: np.ndarray, near: float) -> Iterator[tuple[int, np.ndarray]]:
    """Of each block of rows, which of it and of all later ones it is near; never itself."""
    for start in range(0, len(rows), BLOCK):
        close = rows[start : start + BLOCK] @ rows[start:].T >= near
        np.fill_diagonal(close, False)
        yield start, close
