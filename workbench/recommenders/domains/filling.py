"""Domains that a user hardly visits, filled up: beside events of the other domains come their nearest items there."""
import numpy as np

from workbench.data import Histories

CHUNK = 1024  # items whose similarities to a domain are held in memory at a time


def fill_domains(train: Histories, domains: np.ndarray, vectors: np.ndarray, share: float) -> Histories:
    """Train histories with items inserted where a domain has less than `share` of the events of a user's largest one;
    all events are kept, in their order.

    An inserted item follows an event of the largest domain, to which it is the nearest of its domain by cosine, and
    takes that event's columns. As many of these events as are lacking are chosen, evenly spread; none gets an item that
    its user has already. domains, vectors: (I+1,) and (I+1, D) of the items; row 0 is unused, and items whose vector
    is 0 are near to none.
    """
    n, rows, of_event = int(domains.max()) + 1, train.rows(), domains[train.items]
    counts = np.bincount(rows * n + of_event, minlength=len(train) * n).reshape(-1, n)  # (B, n)
    largest, most = counts.argmax(1), counts.max(1)
    lacking = np.maximum(np.floor(share * most).astype(np.int64)[:, None] - counts, 0)
    after, inserted, known = [np.arange(len(train.items))], [train.items], vectors.any(1)
    for domain in range(n):
        among = np.flatnonzero((domains == domain) & known)
        if not len(among):
            continue
        sources = np.flatnonzero(of_event == largest[rows])
        sources = sources[spread(rows[sources], lacking[:, domain])]
        sources = sources[known[train.items[sources]]]
        items = nearest(vectors, np.unique(train.items[sources]), among)[train.items[sources]]
        new = _new_pairs(rows[sources], items, train, len(domains))
        after.append(sources[new])
        inserted.append(items[new])
    place, items = np.concatenate(after), np.concatenate(inserted)
    order = np.argsort(place, kind="stable")  # an event comes before what is inserted after it
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows[place], minlength=len(train)))])
    filled = train.select(offsets, train.users, place[order])
    return Histories(offsets, items[order].astype(train.items.dtype), train.users, filled.columns)


def spread(rows: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(N,) bool: `wanted` (B,) of the events of each row, evenly spread, all of them where it has no more. rows: (N,),
    sorted.

    >>> spread(np.zeros(6, int), np.array([2])).astype(int)
    array([0, 0, 1, 0, 0, 1])
    """
    counts = np.bincount(rows, minlength=len(wanted))
    place = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    k, m = np.minimum(wanted, counts)[rows], counts[rows]
    return (place + 1) * k // np.maximum(m, 1) > place * k // np.maximum(m, 1)


def nearest(vectors: np.ndarray, items: np.ndarray, among: np.ndarray) -> np.ndarray:
    """(I+1,) for `items` (n,) the nearest of the items `among` (m,) by cosine, ties by lower id; 0 for all others."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    found = np.zeros(len(vectors), np.int64)
    for start in range(0, len(items), CHUNK):
        part = items[start : start + CHUNK]
        found[part] = among[(unit[part] @ unit[among].T).argmax(1)]
    return found


def _new_pairs(rows: np.ndarray, items: np.ndarray, train: Histories, size: int) -> np.ndarray:
    """(n',) which of the pairs (row, item) are the first of their kind, and not in train."""
    pairs, first = np.unique(rows * size + items, return_index=True)
    return np.sort(first[~np.isin(pairs, train.rows() * size + train.items)])
