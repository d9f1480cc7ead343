"""When may a dictionary be called interpretable? Where certified latents carry more of its activation than of any
rival's, beyond what other seeds and other users could change."""
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from workbench.probing.activations.store import Activations


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


def ahead(
    ours: list[list[np.ndarray]], rival: list[list[np.ndarray]], *, draws: int = 2000, seed: int = 0
) -> Ahead:
    """How far ours is ahead, from `by_user` of each seed of either side and each way of dealing items into halves, the
    same users and halves in all. In each draw users and a way are drawn for both sides together, and a seed for each.

    >>> ahead([[np.array([[3.0, 4], [3, 4]])]], [[np.array([[1.0, 4], [1, 4]])]])
    Ahead(by=0.5, low=0.5, high=0.5)
    """
    rng = np.random.default_rng(seed)
    n, ways = len(ours[0][0]), len(ours[0])
    weights, way = rng.multinomial(n, np.full(n, 1 / n), size=draws), rng.integers(ways, size=draws)
    drawn, whole = [], []
    for side in (ours, rival):
        sums = np.stack([[weights @ part for part in one] for one in side])  # (S, ways, draws, 2)
        taken = sums[rng.integers(len(side), size=draws), way, np.arange(draws)]
        drawn.append(taken[:, 0] / np.maximum(taken[:, 1], 1e-12))
        shares = [part[:, 0].sum() / max(part[:, 1].sum(), 1e-12) for one in side for part in one]
        whole.append(float(np.mean(shares)))
    low, high = np.quantile(drawn[0] - drawn[1], [0.025, 0.975])
    return Ahead(round(whole[0] - whole[1], 12), round(float(low), 12), round(float(high), 12))
