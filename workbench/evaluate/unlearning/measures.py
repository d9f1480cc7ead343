"""How much a model still knows of what it was to forget, and how far it is from a model that never saw it.

Every measure is of a pair, a model and the oracle (retrained without the forgotten), and has a null: its value between
two oracles of different seeds, which differ as well. A model that only moves away from the original is far from the
oracle too, so no measure here is a distance to the original.
"""
from typing import NamedTuple

import numpy as np

from workbench.errors import UserError
from workbench.train.rng import named_rng

DRAWS = 500  # bootstrap resamples of users
FEW_USERS = 5  # of which resamples hardly differ


class Auc(NamedTuple):
    """An area under the ROC curve with its 95 % interval."""

    value: float
    low: float
    high: float


def ranks_of(scores: np.ndarray, items: np.ndarray) -> np.ndarray:
    """(B,) float64 place from 1 of items (B,) among all by scores (B, I+1); in ties the mean place.

    >>> ranks_of(np.array([[9.0, 1, 3, 2], [9, 5, 5, 0]]), np.array([3, 1])).tolist()
    [2.0, 1.5]
    """
    own = np.take_along_axis(scores, np.asarray(items, np.int64)[:, None], axis=1)
    others = scores[:, 1:]
    return 1 + (others > own).sum(1) + ((others == own).sum(1) - 1) / 2


def log_probabilities(scores: np.ndarray) -> np.ndarray:
    """(B, I) log-softmax of scores (B, I+1) over items 1 .. I; where scores were learned from pairs, in form only."""
    own = np.asarray(scores[:, 1:], np.float64)
    own = own - own.max(axis=1, keepdims=True)
    return own - np.log(np.exp(own).sum(axis=1, keepdims=True))


def rank_distance(ranks: np.ndarray, oracle: np.ndarray) -> float:
    """The Kolmogorov-Smirnov distance, 0 to 1, of the ranks (n,) of the forgotten items to the oracle's (m,).

    >>> rank_distance(np.array([1, 2, 3, 4]), np.array([3, 4, 5, 6]))
    0.5
    """
    ranks, oracle = np.sort(ranks), np.sort(oracle)
    at = np.concatenate([ranks, oracle])
    shares = [np.searchsorted(side, at, side="right") / len(side) for side in (ranks, oracle)]
    return float(np.abs(shares[0] - shares[1]).max())


def list_distance(lists: np.ndarray, oracle: np.ndarray) -> np.ndarray:
    """(B,) the share of the items of lists (B, k) that are not in the oracle's (B, k).

    >>> list_distance(np.array([[1, 2], [3, 4]]), np.array([[2, 1], [4, 5]])).tolist()
    [0.0, 0.5]
    """
    width = int(max(lists.max(initial=0), oracle.max(initial=0))) + 1
    rows = np.arange(len(lists))[:, None] * width
    return 1 - np.isin(rows + lists, rows + oracle).mean(axis=1)


def score_distance(scores: np.ndarray, oracle: np.ndarray) -> np.ndarray:
    """(B,) Jensen-Shannon divergence in bits, 0 to 1, of the softmax of scores (B, I+1) and of the oracle's.

    >>> score_distance(np.array([[0.0, 90, 0], [0, 1, 2]]), np.array([[0.0, 0, 90], [0, 1, 2]])).round(6).tolist()
    [1.0, 0.0]
    """
    first, second = np.exp(log_probabilities(scores)), np.exp(log_probabilities(oracle))
    mean = (first + second) / 2
    sides = [np.where(side > 0, side * np.log2(np.where(side > 0, side, 1) / np.maximum(mean, 1e-300)), 0)
             for side in (first, second)]  # fmt: skip
    return np.maximum((sides[0] + sides[1]).sum(axis=1) / 2, 0)


def membership(
    members: np.ndarray, others: np.ndarray, member_users: np.ndarray, other_users: np.ndarray, *, seed: int = 0
) -> Auc:
    """How well signals tell the forgotten events (n,) from events (m,) that were never learned: the chance that one of
    the former has the larger signal. .5 is what is known where nothing is known. The interval resamples whole users,
    as the events of one are alike; its bounds are NaN for fewer than FEW_USERS of either kind. UserError for a signal
    that is NaN.

    >>> membership(np.array([2.0, 3]), np.array([1.0, 2]), np.array([0, 1]), np.array([0, 1])).value
    0.875
    """
    signal = np.concatenate([members, others])
    if np.isnan(signal).any():
        raise UserError("a signal of membership is NaN: a model diverged, or its loss is infinite before and after")
    order = np.argsort(signal, kind="stable")
    is_member = (np.arange(len(signal)) < len(members))[order]
    _, first = np.unique(signal[order], return_index=True)
    users, row = np.unique(np.concatenate([member_users, other_users]), return_inverse=True)
    area = _weighted_auc(np.ones(len(signal)), is_member, first)
    if min(len(np.unique(side)) for side in (member_users, other_users)) < FEW_USERS:
        return Auc(area, np.nan, np.nan)
    draws = named_rng(seed, "membership").multinomial(len(users), np.full(len(users), 1 / len(users)), DRAWS)
    values = [_weighted_auc(weight[row][order], is_member, first) for weight in draws]
    low, high = np.nanquantile(values, [0.025, 0.975])
    return Auc(area, float(low), float(high))


def _weighted_auc(weights: np.ndarray, is_member: np.ndarray, first: np.ndarray) -> float:
    """The area of sorted signals with weights (n,), whose ties begin at `first`; NaN where one side weighs nothing."""
    inside = np.add.reduceat(weights * is_member, first)
    outside = np.add.reduceat(weights * ~is_member, first)
    total = inside.sum() * outside.sum()
    return float((inside * (np.cumsum(outside) - outside / 2)).sum() / total) if total else np.nan
