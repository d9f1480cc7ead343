"""Confidence intervals of mean metrics and of paired differences, over test cases and training seeds together.

Cases and seeds are crossed random factors: every training is evaluated on the same cases. The variance of a mean over
both is the variance over cases, of the values averaged over seeds, plus the variance between the means of the seeds;
the degrees of freedom of the sum are Satterthwaite's (1946), because three seeds say little about their own spread.
With one seed the second part is unknown and left out: such an interval describes this one training.

Most cases are misses, so a small sample may hold too few hits to show its own variance, or none. Two pseudo-cases, a
hit and a miss, mend that: they generalise the intervals of Agresti and Coull (1998) for a proportion and of Bonett and
Price (2012) for a paired difference, and their weight vanishes with the number of cases. tests/evaluate/test_intervals
simulates the coverage.
"""
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit  # of Student's t; scipy.stats takes half a second to import

FEW_CASES = 200  # below, a third decimal says nothing


@dataclass(frozen=True)
class Estimate:
    """A mean with what its interval needs. mean: the plain mean. centre, error: mean and standard error with the two
    pseudo-cases. df: degrees of freedom of the error. floor: the least possible value. cases, seeds: how many."""

    mean: float
    centre: float
    error: float
    df: float
    floor: float
    cases: int
    seeds: int

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """(low, high), the confidence interval of the mean at a level in (0, 1)."""
        half = float(-stdtrit(self.df, (1 - level) / 2)) * self.error
        return max(self.floor, min(self.centre - half, self.mean)), max(self.centre + half, self.mean)

    def p_value(self, comparisons: int = 1) -> float:
        """Two-sided p-value of "the mean is 0", corrected by Bonferroni: below .05 exactly where the simultaneous 95 %
        interval of as many comparisons leaves 0 out."""
        if not self.error:
            return 1.0
        return float(min(1.0, 2 * comparisons * stdtr(self.df, -abs(self.centre) / self.error)))

    def detectable(self, level: float = 0.95, power: float = 0.8) -> float:
        """The smallest true mean whose interval at `level` leaves 0 out with probability `power` (Bloom, 1995)."""
        return float(stdtrit(self.df, power) - stdtrit(self.df, (1 - level) / 2)) * self.error


def estimate_mean(values: np.ndarray) -> Estimate:
    """The mean of per-case values, (C,) or (S, C) for S seeds on the same C cases, C at least 1."""
    values = np.atleast_2d(np.asarray(values, np.float64))
    hit = _size_of_a_hit(values)
    signed = values.min() < 0
    return _estimate([values], np.array([-hit if signed else 0.0, hit]), -np.inf if signed else 0.0)


def estimate_difference(values: np.ndarray, baseline: np.ndarray) -> Estimate:
    """The mean of values minus that of a baseline, paired by case: (C,) or (S, C) and (S', C), whose seeds are
    independent trainings."""
    values, baseline = (np.atleast_2d(np.asarray(x, np.float64)) for x in (values, baseline))
    hit = _size_of_a_hit(values.mean(axis=0) - baseline.mean(axis=0))
    return _estimate([values, -baseline], np.array([-hit, hit]), -np.inf)


def mean_interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """(low, high) of the mean of per-case values, (C,) or (S, C)."""
    return estimate_mean(values).interval(level)


def decimals(cases: int) -> int:
    """How many decimals a mean over this many cases can bear: two under 200 cases, else four."""
    return 2 if cases < FEW_CASES else 4


def _size_of_a_hit(values: np.ndarray) -> float:
    """The self-weighted mean size of a value: 1 for a recall, and what a hit is worth for a graded metric."""
    total = np.abs(values).sum()
    return float((values**2).sum() / total) if total else 1.0


def _estimate(systems: list[np.ndarray], pseudo: np.ndarray, floor: float) -> Estimate:
    """The mean of the sum of systems, each (S, C) with seeds of its own."""
    per_case = np.concatenate([sum(system.mean(axis=0) for system in systems), pseudo])  # (C + 2,)
    parts = [(per_case.var(ddof=1) / len(per_case), len(per_case) - 1)]
    for system in systems:
        if len(system) > 1:
            parts.append((system.mean(axis=1).var(ddof=1) / len(system), len(system) - 1))
    variance = sum(part for part, _ in parts)
    spread = sum(part**2 / df for part, df in parts)
    return Estimate(
        mean=float(per_case[:-2].mean()), centre=float(per_case.mean()), error=float(np.sqrt(variance)),
        df=float(variance**2 / spread) if spread else float(len(per_case) - 1), floor=floor,
        cases=len(per_case) - 2, seeds=max(map(len, systems)),
    )  # fmt: skip
