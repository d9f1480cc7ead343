"""Views of histories for contrastive learning: mask, crop, reorder, substitute by neighbours, insert noise.

A view maps Histories (B) and a numpy generator to as many histories, the users in the same order; events keep their
columns, a history of one event stays as it is under mask, crop, reorder and insert. Mask, crop and reorder are those of
CL4SRec (arXiv:2010.14395), substitute and insert those of CoSeRec (arXiv:2108.06479).
"""
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from workbench.data import Histories

MASK = 0
"""Item id of a masked event. The tables of the encoders have rows for padding and the items, none for a mask token: the
row of padding, which stays at zero, stands for it, as in the release of MCLRec. The encoder reads the embedding of the
position with no item in it. So an encoder that reads views has no other parameters than one that does not, while what
follows a mask is still read: causal attention does not ask which ids are padding, and a history has its own length."""

View = Callable[[Histories, np.random.Generator], Histories]


def mask(histories: Histories, rng: np.random.Generator, *, share: float) -> Histories:
    """floor(share n) random events of each history of n become MASK."""
    hidden = _random_ranks(histories, rng) < np.repeat(_part(histories, share), histories.lengths)
    return replace(histories, items=np.where(hidden, MASK, histories.items))


def crop(histories: Histories, rng: np.random.Generator, *, share: float) -> Histories:
    """A random run of floor(share n) events of each history, but at least one event."""
    kept = np.minimum(np.maximum(_part(histories, share), 1), histories.lengths)
    return histories.where(_in_random_run(histories, kept, rng))


def reorder(histories: Histories, rng: np.random.Generator, *, share: float) -> Histories:
    """A random run of floor(share n) events of each history in random order, with their columns."""
    inside = _in_random_run(histories, _part(histories, share), rng)
    rows, place = histories.rows(), _places(histories)
    first = np.full(len(histories), np.iinfo(np.int64).max)
    np.minimum.at(first, rows[inside], place[inside])
    block = np.where(inside, first[rows], place)  # events of the run are equal, and sorted by the random key
    return histories.select(histories.offsets, histories.users, np.lexsort((rng.random(len(rows)), block, rows)))


def substitute(histories: Histories, rng: np.random.Generator, *, share: float, neighbours: np.ndarray) -> Histories:
    """Every event becomes, with probability `share`, a random one of its item's `neighbours` (I+1, K)."""
    n = len(histories.items)
    others = neighbours[histories.items, rng.integers(0, neighbours.shape[1], n)]
    chosen = rng.random(n) < share
    return replace(histories, items=np.where(chosen, others, histories.items).astype(histories.items.dtype))


def insert(histories: Histories, rng: np.random.Generator, *, share: float, n_items: int) -> Histories:
    """floor(share n) random items of 1..n_items, each before another event, whose columns it takes: the last event of a
    history stays the last."""
    more = _random_ranks(histories, rng) < np.repeat(_part(histories, share), histories.lengths)
    at = np.repeat(np.arange(len(more)), 1 + more)
    new = np.append(at[:-1] == at[1:], False)  # the first of two copies
    offsets = histories.offsets + np.concatenate([[0], np.cumsum(more)])[histories.offsets]
    longer = histories.select(offsets, histories.users, at)
    noise = rng.integers(1, n_items + 1, len(at)).astype(histories.items.dtype)
    return replace(longer, items=np.where(new, noise, longer.items))


def two_views(
    histories: Histories, views: Sequence[View], rng: np.random.Generator
) -> tuple[Histories, Histories]:
    """Two views of each history, of different kinds, which are drawn for each history from at least two `views`."""
    B = len(histories)
    kinds = np.argsort(rng.random((B, len(views))), axis=1)
    made = _joined([view(histories, rng) for view in views])
    return made.take(kinds[:, 0] * B + np.arange(B)), made.take(kinds[:, 1] * B + np.arange(B))


def random_prefix(histories: Histories, rng: np.random.Generator) -> Histories:
    """The first 1 to n - 1 events of each history of n, every number equally likely: what is read to predict one of its
    events. Of a history of one event, that event."""
    most = np.maximum(histories.lengths - 1, 1)
    kept = np.minimum(1 + (rng.random(len(most)) * most).astype(np.int64), histories.lengths)
    return histories.where(_places(histories) < np.repeat(kept, histories.lengths))


def _part(histories: Histories, share: float) -> np.ndarray:
    """(B,) floor(share n) of each history of n events; 0.29 of 100 is 29, though the product is just below it."""
    return np.floor(share * histories.lengths + 1e-9).astype(np.int64)


def _places(histories: Histories) -> np.ndarray:
    """(N,) place 0.. of each event in its history."""
    return np.arange(len(histories.items)) - np.repeat(histories.offsets[:-1], histories.lengths)


def _random_ranks(histories: Histories, rng: np.random.Generator) -> np.ndarray:
    """(N,) rank 0.. of each event in a random order of its history."""
    ranks = np.empty(len(histories.items), np.int64)
    ranks[np.lexsort((rng.random(len(ranks)), histories.rows()))] = _places(histories)
    return ranks


def _in_random_run(histories: Histories, length: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(N,) bool: a run of `length` (B,) events of each history, every start equally likely."""
    start = (rng.random(len(length)) * (histories.lengths - length + 1)).astype(np.int64)
    since = _places(histories) - np.repeat(start, histories.lengths)
    return (since >= 0) & (since < np.repeat(length, histories.lengths))


def _joined(parts: Sequence[Histories]) -> Histories:
    """The histories of all parts, one after the other, with their columns."""
    offsets = np.concatenate([[0], np.cumsum(np.concatenate([part.lengths for part in parts]))])
    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
    items, users = np.concatenate([part.items for part in parts]), np.concatenate([part.users for part in parts])
    return Histories(offsets, items, users, columns)
