"""Compare dictionaries by the share of their activation in significant latents, with a bootstrap over users, seeds and
item splits. A dictionary is called interpretable if its share exceeds that of every rival."""
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from workbench.probing.activations.store import Activations


class Difference(NamedTuple):
    """difference: the share of activation in significant latents of one side minus that of the other; low, high: 95 %
    bootstrap interval."""

    difference: float
    low: float
    high: float


def activation_by_user(activations: Activations, z: csr_matrix, significant: np.ndarray) -> np.ndarray:
    """(U, 2) activation in significant latents and in all latents, summed over the positions of each user, in order of
    user. z: (n, m) latents; significant: (m,) bool."""
    _, user = np.unique(activations.user, return_inverse=True)
    sums = (z @ np.asarray(significant, np.float32), np.asarray(z.sum(axis=1)).ravel())
    return np.column_stack([np.bincount(user, weights=values) for values in sums])


def bootstrap_difference(
    ours: list[list[np.ndarray]], rival: list[list[np.ndarray]], *, draws: int = 2000, seed: int = 0
) -> Difference:
    """The difference in the share of activation in significant latents, ours minus rival's, from `activation_by_user`
    of each seed and each item split; the users and the item splits are the same on both sides. Each draw samples users
    and an item split jointly for both sides, and a seed for each side.

    >>> bootstrap_difference([[np.array([[3.0, 4], [3, 4]])]], [[np.array([[1.0, 4], [1, 4]])]])
    Difference(difference=0.5, low=0.5, high=0.5)
    """
    rng = np.random.default_rng(seed)
    n_users, n_splits = len(ours[0][0]), len(ours[0])
    weights = rng.multinomial(n_users, np.full(n_users, 1 / n_users), size=draws)
    item_split = rng.integers(n_splits, size=draws)
    drawn, mean = [], []
    for side in (ours, rival):
        sums = np.stack([[weights @ table for table in tables] for tables in side])  # (seeds, item splits, draws, 2)
        sampled = sums[rng.integers(len(side), size=draws), item_split, np.arange(draws)]
        drawn.append(sampled[:, 0] / np.maximum(sampled[:, 1], 1e-12))
        shares = [table[:, 0].sum() / max(table[:, 1].sum(), 1e-12) for tables in side for table in tables]
        mean.append(float(np.mean(shares)))
    low, high = np.quantile(drawn[0] - drawn[1], [0.025, 0.975])
    return Difference(round(mean[0] - mean[1], 12), round(float(low), 12), round(float(high), 12))
