"""Synthetic activations with known directions, and measures of how many of them a dictionary recovers."""
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment


class SyntheticActivations(NamedTuple):
    """x (n, D) float32 activations, directions (T, D) of norm 1, coefficients (n, T) float32, mostly 0."""

    x: np.ndarray
    directions: np.ndarray
    coefficients: np.ndarray


def synthetic_activations(
    n: int = 20_000, *, width: int = 64, concepts: int = 96, active: float = 4.0, zipf: float = 0.5,
    children: int = 0, noise: float = 0.02, seed: int = 0,
) -> SyntheticActivations:  # fmt: skip
    """Activations x = sum_t f_t d_t + noise, optionally with more concepts than dimensions.

    active: mean number of active concepts per row. zipf: exponent of the concept frequencies. children: number of
    concepts, the last ones, that are active only where their parent, one of the first, is active.
    """
    rng = np.random.default_rng(seed)
    directions = rng.standard_normal((concepts, width))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    rate = np.arange(1, concepts + 1) ** -zipf
    rate = np.minimum(rate * active / rate.sum(), 0.5)
    is_active = rng.random((n, concepts)) < rate
    if children:
        parents = np.arange(children) % max(1, concepts - children)
        is_active[:, -children:] = is_active[:, parents] & (rng.random((n, children)) < 0.5)
    coefficients = (is_active * rng.uniform(0.5, 1.5, is_active.shape)).astype(np.float32)
    x = coefficients @ directions + noise * rng.standard_normal((n, width))
    return SyntheticActivations(x.astype(np.float32), directions.astype(np.float32), coefficients)


def cosines(truth: np.ndarray, learned: np.ndarray) -> np.ndarray:
    """(T, m) cosine similarities of true (T, D) and learned (m, D) directions."""
    a, b = (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12) for x in (truth, learned))
    return a @ b.T


def mmcs(truth: np.ndarray, learned: np.ndarray) -> float:
    """Mean max cosine similarity: the mean over true directions of the largest cosine to a learned one. One learned
    direction may match several.

    >>> e, h = np.eye(3), 0.5 ** 0.5
    >>> round(mmcs(e[:2], np.array([[1, 0, 0], [h, h, 0]])), 3), mmcs(e[:2], e[[0, 0]])
    (0.854, 0.5)
    """
    return float(cosines(truth, learned).max(axis=1).mean())


def recovered_fraction(truth: np.ndarray, learned: np.ndarray, min_cosine: float = 0.9) -> float:
    """Share of true directions whose assigned learned direction has a cosine of at least `min_cosine`."""
    return float((_assigned(cosines(truth, learned)) >= min_cosine).sum() / len(truth))


def random_mmcs(truth: np.ndarray, latents: int, *, draws: int = 5, seed: int = 0) -> float:
    """The MMCS of as many random directions, a chance level. It is high for many latents in few dimensions, so report
    (mmcs - random) / (1 - random)."""
    rng = np.random.default_rng(seed)
    return float(np.mean([mmcs(truth, rng.standard_normal((latents, truth.shape[1]))) for _ in range(draws)]))


def _assigned(cosine: np.ndarray) -> np.ndarray:
    return cosine[linear_sum_assignment(-cosine)]
