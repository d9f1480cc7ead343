"""Ground truth: activations made from directions that we know, and how many of them a dictionary finds."""
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment


class Planted(NamedTuple):
    """x (n, D) float32 activations, directions (T, D) of length 1, firing (n, T) float32 strengths, mostly 0."""

    x: np.ndarray
    directions: np.ndarray
    firing: np.ndarray


def planted(
    n: int = 20_000, *, width: int = 64, concepts: int = 96, active: float = 4.0, zipf: float = 0.5,
    children: int = 0, noise: float = 0.02, seed: int = 0,
) -> Planted:  # fmt: skip
    """Activations x = sum_t f_t d_t + noise, with more concepts than dimensions if wanted.

    active: concepts that fire in a row on average. zipf: how much more often the first concepts fire than the last.
    children: how many concepts, the last ones, fire only where their parent, one of the first, fires too.
    """
    rng = np.random.default_rng(seed)
    directions = rng.standard_normal((concepts, width))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    rate = np.arange(1, concepts + 1) ** -zipf
    rate = np.minimum(rate * active / rate.sum(), 0.5)
    fires = rng.random((n, concepts)) < rate
    if children:
        parents = np.arange(children) % max(1, concepts - children)
        fires[:, -children:] = fires[:, parents] & (rng.random((n, children)) < 0.5)
    firing = (fires * rng.uniform(0.5, 1.5, fires.shape)).astype(np.float32)
    x = firing @ directions + noise * rng.standard_normal((n, width))
    return Planted(x.astype(np.float32), directions.astype(np.float32), firing)


def cosines(truth: np.ndarray, learned: np.ndarray) -> np.ndarray:
    """(T, m) cosines between true (T, D) and learned (m, D) directions."""
    a, b = (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12) for x in (truth, learned))
    return a @ b.T


def mmcs(truth: np.ndarray, learned: np.ndarray) -> float:
    """Mean over true directions of the largest cosine to a learned one; duplicates may serve several.

    >>> e, h = np.eye(3), 0.5 ** 0.5
    >>> round(mmcs(e[:2], np.array([[1, 0, 0], [h, h, 0]])), 3), mmcs(e[:2], e[[0, 0]])
    (0.854, 0.5)
    """
    return float(cosines(truth, learned).max(axis=1).mean())


def mcc(truth: np.ndarray, learned: np.ndarray) -> float:
    """Mean cosine of the best one-to-one assignment; true directions that get none count as 0.

    >>> e, h = np.eye(3), 0.5 ** 0.5
    >>> truth = np.array([[1, 0, 0], [h, h, 0]])
    >>> round(mcc(truth, e[[0, 2]]), 3), round(mmcs(truth, e[[0, 2]]), 3)
    (0.5, 0.854)
    """
    return float(_assigned(cosines(truth, learned)).sum() / len(truth))


def found(truth: np.ndarray, learned: np.ndarray, least: float = 0.9) -> float:
    """Share of true directions whose assigned learned one has a cosine of `least` or more."""
    return float((_assigned(cosines(truth, learned)) >= least).sum() / len(truth))


def chance(truth: np.ndarray, latents: int, *, draws: int = 5, seed: int = 0) -> float:
    """The mmcs of as many random directions. It is high where there are many latents and few dimensions, so print it
    beside: (mmcs - chance) / (1 - chance) is what was learned."""
    rng = np.random.default_rng(seed)
    return float(np.mean([mmcs(truth, rng.standard_normal((latents, truth.shape[1]))) for _ in range(draws)]))


def firing_f1(firing: np.ndarray, latents: np.ndarray, truth: np.ndarray, learned: np.ndarray) -> float:
    """Mean F1 between when a concept (n, T) and its assigned latent (n, m) fire."""
    concept, latent = linear_sum_assignment(-cosines(truth, learned))
    a, b = firing[:, concept] > 0, latents[:, latent] > 0
    both = (a & b).sum(axis=0)
    return float(np.mean(2 * both / np.maximum(a.sum(axis=0) + b.sum(axis=0), 1)))


def _assigned(cosine: np.ndarray) -> np.ndarray:
    return cosine[linear_sum_assignment(-cosine)]
