"""Ratios of two means over the same cases, with paired bootstrap intervals: whole cases are resampled."""
import numpy as np

from workbench.errors import UserError
from workbench.train.rng import named_rng

DRAWS = 10_000  # bootstrap resamples
QUANTILES = (0.025, 0.975)
MAX_COUNTS = 2_000_000  # multinomial counts held in memory at a time


def bootstrap_column_means(values: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """(DRAWS, m) bootstrap means of the columns of values (C, m), cases resampled with replacement.

    Most cases have the same row (a miss everywhere), so each draw is one multinomial over the distinct rows.
    """
    values = np.asarray(values, np.float64)
    rows, counts = np.unique(values, axis=0, return_counts=True)
    rng, step = named_rng(seed, "paired bootstrap"), max(1, MAX_COUNTS // len(rows))
    sizes = [min(step, DRAWS - start) for start in range(0, DRAWS, step)]
    blocks = [rng.multinomial(len(values), counts / len(values), size=size) @ rows for size in sizes]
    return np.concatenate(blocks) / len(values)


def ratio_of_means(numerator: np.ndarray, denominator: np.ndarray, *, seed: int = 0) -> tuple[float, float, float]:
    """Mean of numerator (C,) over mean of denominator (C,), with its 95 % interval (ratio, low, high).

    UserError if the denominator has mean 0, or if too many bootstrap draws of it do.

    >>> ratio_of_means(np.array([0.03, 0.03]), np.array([0.02, 0.06]))[0]
    0.75
    """
    _check_pairs(len(numerator), len(denominator), denominator)
    means = bootstrap_column_means(np.column_stack([numerator, denominator]), seed=seed)
    return float(np.mean(numerator) / np.mean(denominator)), *ratio_interval(means[:, 0], means[:, 1])


def ratio_of_means_over_seeds(
    numerator: np.ndarray, denominator: np.ndarray, *, seed: int = 0
) -> tuple[float, float, float]:
    """Mean of numerator (S, C) over mean of denominator (S', C), with its 95 % interval (ratio, low, high) over cases
    and training seeds, crossed: each draw resamples the cases, the same for both sides, and the seeds of each side.

    With one seed a side it is `ratio_of_means`, over cases alone. UserError as there.

    >>> ratio_of_means_over_seeds(np.array([[0.03, 0.03]]), np.array([[0.02, 0.06], [0.01, 0.03]]))[0]
    1.0
    """
    numerator, denominator = (np.atleast_2d(np.asarray(side, np.float64)) for side in (numerator, denominator))
    _check_pairs(numerator.shape[1], denominator.shape[1], denominator)
    means = bootstrap_column_means(np.concatenate([numerator, denominator]).T, seed=seed)
    rng = named_rng(seed, "training seeds")
    first, second = (_resampled_seeds(side, rng) for side in (means[:, : len(numerator)], means[:, len(numerator) :]))
    return float(numerator.mean() / denominator.mean()), *ratio_interval(first, second)


def _resampled_seeds(means: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(DRAWS,) means over seeds drawn with replacement, of means (DRAWS, S) a seed. Resampling S seeds has a variance
    that is too small by (S - 1) / S, so the deviations are widened by the root of S / (S - 1)."""
    seeds = means.shape[1]
    if seeds == 1:
        return means[:, 0]
    counts = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=len(means))
    mean = means.mean(axis=1)
    return mean + np.sqrt(seeds / (seeds - 1)) * ((means * counts).sum(axis=1) / seeds - mean)


def _check_pairs(n: int, other: int, denominator: np.ndarray) -> None:
    """UserError unless two sides have the same cases, at least one, and the denominator is not 0 in all."""
    if n != other or not other:
        raise UserError(f"{n} and {other} cases cannot be paired; both need the same number, at least one")
    if not np.mean(denominator):
        raise UserError("the denominator is 0 in every case, so the ratio is undefined", code=3)


def ratio_interval(numerator: np.ndarray, denominator: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval of numerator over denominator, both (DRAWS,) bootstrap means of the same draws. Draws
    with denominator 0 are dropped; UserError if these are more than 1 %."""
    valid = denominator != 0
    if valid.mean() < 0.99:
        raise UserError("too few cases with a hit for a bootstrap interval of the ratio", code=3)
    low, high = np.quantile(numerator[valid] / denominator[valid], QUANTILES)
    return float(low), float(high)
