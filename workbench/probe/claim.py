"""When may a dictionary be called interpretable? Where certified latents carry more of its activation than of any
rival's, beyond what other seeds and other users could change."""
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from workbench.probe.cache import Activations


class Ahead(NamedTuple):
    """by: the certified share of one side's activation less that of the other; low, high: 95 %."""

    by: float
    low: float
    high: float


def by_user(units: Activations, z: csr_matrix, certified: np.ndarray) -> np.ndarray:
    """(U, 2) activation of certified latents and of all, summed over the units of each user, users in order. z: (n, m)
    latents; certified: (m,) bool."""
    _, user = np.unique(units.user, return_inverse=True)
    sums = (z @ np.asarray(certified, np.float32), np.asarray(z.sum(axis=1)).ravel())
    return np.column_stack([np.bincount(user, weights=part) for part in sums])


def ahead(ours: list[np.ndarray], rival: list[np.ndarray], *, draws: int = 2000, seed: int = 0) -> Ahead:
    """How far ours is ahead, from `by_user` of each seed of either side, the same users in all. In each draw users are
    drawn together for both sides, and a seed for each.

    >>> ahead([np.array([[3.0, 4], [3, 4]])], [np.array([[1.0, 4], [1, 4]])])
    Ahead(by=0.5, low=0.5, high=0.5)
    """
    rng = np.random.default_rng(seed)
    n = len(ours[0])
    weights = rng.multinomial(n, np.full(n, 1 / n), size=draws)
    shares = []
    for side in (ours, rival):
        sums = np.stack([weights @ part for part in side])  # (S, draws, 2)
        drawn = sums[rng.integers(len(side), size=draws), np.arange(draws)]
        shares.append(drawn[:, 0] / np.maximum(drawn[:, 1], 1e-12))
    low, high = np.quantile(shares[0] - shares[1], [0.025, 0.975])
    whole = [np.mean([part[:, 0].sum() / max(part[:, 1].sum(), 1e-12) for part in side]) for side in (ours, rival)]
    return Ahead(round(float(whole[0] - whole[1]), 12), round(float(low), 12), round(float(high), 12))
