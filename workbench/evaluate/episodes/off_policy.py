"""What a policy would have earned, from the log of another one that noted its propensities.

Inverse propensity scores (Horvitz and Thompson, JASA 1952), self-normalised ones (Swaminathan and Joachims, NeurIPS
2015), and doubly robust (Dudik, Langford and Li, ICML 2011). A log says nothing of what it never showed: how many of
its events are left to speak for the other policy is the effective sample size (Kish, 1965).
"""
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri  # quantiles of the normal distribution

from workbench.errors import UserError


class Log(NamedTuple):
    """N decisions. actions: (N,) from 0. rewards: (N,). propensities: (N,) the chance with which the action was taken.
    contexts: (N,) rows of the table of a target policy, such as the slot of a slate."""

    actions: np.ndarray
    rewards: np.ndarray
    propensities: np.ndarray
    contexts: np.ndarray


class Value(NamedTuple):
    """A mean reward with its interval."""

    value: float
    low: float
    high: float


def off_policy(
    log: Log, target: np.ndarray, *, rewards: np.ndarray | None = None, level: float = 0.95
) -> dict[str, Value | float]:  # fmt: skip
    """The value of a policy by a log: "ips", "snips", with a reward model "dr", and "ess", the effective sample size.

    target: (C, A) the chance of each action in each context. rewards: (C, A), or (N, A) for each decision, what is
    expected of each action; not learnt from the rewards that it is set beside (`cross_fitted_rewards`). Intervals are
    normal, by the spread of the terms (of snips by the delta method): they are too narrow where few terms carry the
    sum, which a small ess tells. UserError for a log or a target that cannot be: no decision, arrays of other lengths,
    a propensity that is not in (0, 1], a reward that is no number, an action or context outside the table, chances
    that are negative or do not sum to 1.
    """
    target = _checked(log, target)
    p = target[log.contexts]
    weight = p[np.arange(len(p)), log.actions] / log.propensities
    found: dict[str, Value | float] = {
        "ips": _mean(weight * log.rewards, level), "snips": _ratio(weight, log.rewards, level)
    }
    if rewards is not None:
        model = np.asarray(rewards, float)
        model = model[log.contexts] if model.shape == target.shape and len(model) != len(p) else model
        if model.shape != p.shape or not np.isfinite(model).all():
            raise UserError(f"off-policy: expected rewards are numbers, {target.shape} or {p.shape}; given "
                            f"{model.shape}")  # fmt: skip
        residual = log.rewards - model[np.arange(len(p)), log.actions]
        found["dr"] = _mean((p * model).sum(axis=1) + weight * residual, level)
    total = weight.sum()
    return found | {"ess": float(total**2 / (weight**2).sum()) if total else 0.0}


def cross_fitted_rewards(
    log: Log, n_contexts: int, n_actions: int, *, folds: int = 2, prior: float = 50.0
) -> np.ndarray:  # fmt: skip
    """(N, A) the mean reward of each action in the context of each decision, from the decisions of the other folds:
    shrunk to the action's mean over contexts, which is shrunk to the mean of all, as if each had been seen `prior`
    times more. Fold of a decision: its place modulo `folds`. UserError for fewer than two folds, or too many, and as
    `off_policy` for the log."""
    _check_log(log, n_contexts, n_actions)
    n = len(log.actions)
    if not 2 <= folds <= n:
        raise UserError(f"off-policy: folds={folds} is 2 or more, and at most the {n:,} decisions")
    out, fold, cell = np.zeros((n, n_actions)), np.arange(n) % folds, log.contexts * n_actions + log.actions
    for each in range(folds):
        other = fold != each
        shape = (n_contexts, n_actions)
        total = np.bincount(cell[other], log.rewards[other], n_contexts * n_actions).reshape(shape)
        count = np.bincount(cell[other], minlength=n_contexts * n_actions).reshape(shape)
        overall = log.rewards[other].mean()
        by_action = (total.sum(axis=0) + prior * overall) / (count.sum(axis=0) + prior)
        table = (total + prior * by_action) / (count + prior)
        out[~other] = table[log.contexts[~other]]
    return out


def population_mean(
    values: np.ndarray, propensities: np.ndarray, cells: int, *, level: float = 0.95
) -> dict[str, Value]:  # fmt: skip
    """The mean over all `cells`, such as users times items, of a value that is known of n of them, which were observed
    with propensities (n,): "naive", "ips", "snips".

    As for the error of a rating predictor in Schnabel et al., "Recommendations as treatments", ICML 2016, eq. 10: ips
    is the sum of value / propensity over the cells. The intervals take cells as independent, each observed or not.
    UserError as `off_policy`, or for fewer cells than values.
    """
    values, propensities = np.asarray(values, float), np.asarray(propensities, float)
    if values.shape != propensities.shape or not len(values) or cells < len(values):
        raise UserError(f"off-policy: {values.shape} values, {propensities.shape} propensities of {cells:,} cells")
    _check_propensities(propensities)
    _check_rewards(values)
    z, weight = -ndtri((1 - level) / 2), 1 / propensities
    centre = {"ips": (values * weight).sum() / cells, "snips": (values * weight).sum() / weight.sum()}
    of = {"ips": (values * weight, cells), "snips": ((values - centre["snips"]) * weight, weight.sum())}
    variance = {name: (terms**2 * (1 - propensities)).sum() / size**2 for name, (terms, size) in of.items()}
    found = {name: Value(float(mean), *(float(mean + side * z * np.sqrt(variance[name])) for side in (-1, 1)))
             for name, mean in centre.items()}  # fmt: skip
    return {"naive": _mean(values, level)} | found


def _mean(terms: np.ndarray, level: float) -> Value:
    half = -ndtri((1 - level) / 2) * terms.std(ddof=1) / np.sqrt(len(terms)) if len(terms) > 1 else np.inf
    return Value(float(terms.mean()), float(terms.mean() - half), float(terms.mean() + half))


def _ratio(weight: np.ndarray, rewards: np.ndarray, level: float) -> Value:
    if not weight.any():
        return Value(float("nan"), -np.inf, np.inf)
    value = (weight * rewards).sum() / weight.sum()
    error = np.sqrt((weight**2 * (rewards - value) ** 2).sum()) / weight.sum()
    half = -ndtri((1 - level) / 2) * error
    return Value(float(value), float(value - half), float(value + half))


def _checked(log: Log, target: np.ndarray) -> np.ndarray:
    target = np.asarray(target, float)
    if target.ndim != 2:
        raise UserError(f"off-policy: a target is (C, A); given {target.shape}")
    _check_log(log, *target.shape)
    if not (target >= 0).all() or not np.allclose(target.sum(axis=1), 1, atol=1e-6):
        raise UserError("off-policy: the chances of a target policy are 0 or more, and sum to 1 in every context")
    return target


def _check_log(log: Log, n_contexts: int, n_actions: int) -> None:
    lengths = {len(array) for array in log}
    if len(lengths) != 1 or not min(lengths):
        raise UserError(f"off-policy: a log has arrays of one length, one decision or more; given lengths "
                        f"{sorted(lengths)}")  # fmt: skip
    for what, given, n in (("context", log.contexts, n_contexts), ("action", log.actions, n_actions)):
        if np.asarray(given).dtype.kind not in "iu" or given.min() < 0 or given.max() >= n:
            raise UserError(f"off-policy: {what}s are integers from 0 to {n - 1:,}; given {given.min()} to "
                            f"{given.max()}, outside the set")  # fmt: skip
    _check_propensities(log.propensities)
    _check_rewards(log.rewards)


def _check_propensities(propensities: np.ndarray) -> None:
    wrong = ~((propensities > 0) & (propensities <= 1))
    if wrong.any():
        raise UserError(f"off-policy: {int(wrong.sum()):,} propensities are not above 0 and at most 1, such as "
                        f"{propensities[wrong][0]}; what was taken had a chance")  # fmt: skip


def _check_rewards(rewards: np.ndarray) -> None:
    if not np.isfinite(rewards).all():
        raise UserError(f"off-policy: {int((~np.isfinite(rewards)).sum()):,} rewards are not a number")
