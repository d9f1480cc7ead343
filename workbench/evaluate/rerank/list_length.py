"""Lists that end where a re-ranker stops: hits against length, beside every fixed cut, and similarity inside them."""
from typing import NamedTuple

import numpy as np


class StopCurve(NamedTuple):
    """hits: (N,) share of the cases whose target is among the first 1 .. N places: a fixed cut of the same order.
    length, hit: the mean length of the lists that stop, and the share of cases whose target is in them. at_length: what
    fixed cuts of this mean length hit, linear between whole lengths; hit - at_length is what the stop is worth."""

    hits: np.ndarray
    length: float
    hit: float
    at_length: float

    @property
    def gain(self) -> float:
        """Hits beyond those of fixed cuts of the same mean length."""
        return self.hit - self.at_length


def stop_curve(places: np.ndarray, lengths: np.ndarray, n: int) -> StopCurve:
    """The curve of C orders of n candidates. places: (C,) of the target in the order, from 0, -1 where it is not in it.
    lengths: (C,) how many the list has before it stops, 0 to n."""
    inside = places >= 0
    at = np.bincount(places[inside], minlength=n)[:n]
    hits = np.cumsum(at) / max(1, len(places))
    length = float(lengths.mean())
    hit = float((inside & (places < lengths)).mean())
    return StopCurve(hits, length, hit, float(np.interp(length, np.arange(n + 1), np.concatenate([[0.0], hits]))))


def list_similarity(items: np.ndarray, lengths: np.ndarray, vectors: np.ndarray) -> float:
    """Mean cosine of two items of a list, over lists of two or more: items (C, N) in order, of which a list has the
    first of lengths (C,); vectors (I+1, D). nan where no list has two."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    own = (np.arange(items.shape[1]) < lengths[:, None])[:, :, None] * unit[items]
    several = np.flatnonzero(lengths > 1)
    if not len(several):
        return float("nan")
    own, n = own[several], lengths[several]
    pairs = (own.sum(axis=1) ** 2).sum(axis=1) - (own**2).sum(axis=(1, 2))  # both orders of a pair
    return float((pairs / (n * (n - 1))).mean())
