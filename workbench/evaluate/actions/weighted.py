"""Hit rate and NDCG weighted by the action on the target, as in the second round of the Tencent Advertising Algorithm
Challenge 2025: a conversion counts 2.5 times a click, an exposure nothing."""
from typing import NamedTuple

import numpy as np

from workbench.data import Cases, Dataset, Split
from workbench.data.protocol import require_one_target
from workbench.data.splits import user_sequences
from workbench.errors import UserError
from workbench.interfaces import Evaluated

WEIGHTS = (0.0, 1.0, 2.5)  # of an exposure, a click, a conversion
SHARES = (0.31, 0.69)  # of the hit rate and of NDCG in the score


class Weighted(NamedTuple):
    """hit, ndcg: weighted means at the cutoff. score: .31 hit + .69 ndcg. weight: the sum of weights, of n cases."""

    hit: float
    ndcg: float
    score: float
    weight: float
    n: int


def weighted_mean(values: np.ndarray, weights: np.ndarray) -> float:
    """sum w v / sum w of values (C,) and weights (C,), 0 or more; with equal weights of 1 the plain mean, to the bit.
    UserError for weights of another shape, negative or not finite, or that are all 0.

    >>> weighted_mean(np.array([1.0, 0.0, 1.0]), np.array([2.5, 1.0, 0.0]))
    0.7142857142857143
    """
    values, weights = np.asarray(values, np.float64), np.asarray(weights, np.float64)
    if values.shape != weights.shape or not (np.isfinite(weights) & (weights >= 0)).all() or not weights.any():
        raise UserError(f"weights {weights.shape} of values {values.shape} are numbers of 0 or more, and not all 0")
    return float((weights * values).sum() / weights.sum())


def weighted_metrics(
    run: Evaluated, actions: np.ndarray, *, weights: tuple[float, ...] = WEIGHTS, k: int = 10
) -> Weighted:  # fmt: skip
    """The weighted hit rate, NDCG and score of a run whose cases have one target each.

    actions: (C,) of the targets, see `target_values`; weights: by action. UserError for an action without a weight, and
    as `weighted_mean`.
    """
    actions = np.asarray(actions)
    if actions.dtype.kind not in "iu" or actions.min(initial=0) < 0 or actions.max(initial=0) >= len(weights):
        raise UserError(f"actions are whole numbers from 0 to {len(weights) - 1}, one weight each ({weights}); given "
                        f"{np.unique(actions)[:5]}")  # fmt: skip
    of_case = np.asarray(weights, np.float64)[actions]
    hit, ndcg = (weighted_mean(run.per_case(f"{kind}@{k}"), of_case) for kind in ("recall", "ndcg"))
    return Weighted(hit, ndcg, SHARES[0] * hit + SHARES[1] * ndcg, float(of_case.sum()), len(actions))


def target_values(dataset: Dataset, split: Split, cases: Cases, column: str = "action") -> np.ndarray:
    """(C,) what a numeric column of the events holds at the target of each case of the split, validation or test.

    UserError (code 3) for a column that there is not, cases with sets of targets, or cases that are not of the split.
    """
    require_one_target(split.protocol.split, "the action on a target")
    sequence = user_sequences(dataset, split.protocol)
    users = cases.histories.users.astype(np.int64)
    at = sequence.offsets[users] + cases.histories.lengths  # a history is what came before its target
    if (at >= sequence.offsets[users + 1]).any() or not np.array_equal(sequence.items[at], cases.targets):
        raise UserError("these cases are not of this dataset and protocol: other targets follow in its log", code=3)
    return sequence.columns[column][at]
