"""Hierarchical concepts: feature absorption (the latent of a parent concept fails to activate on one child) and feature
splitting (several latents share one concept). Definitions as in SAEBench (Karvonen et al., 2025); the absorption gap
has a permutation test over items."""
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from workbench.probing.concepts.permutation_test import permute_within_strata

MIN_COSINE, MIN_PROJECTION_SHARE = 0.025, 0.4  # SAEBench: of an absorbing latent to the probe; of the probe projection
MIN_F1_GAIN = 0.03  # F1 that further latents must add to the first before a concept counts as split


class AbsorptionGap(NamedTuple):
    """parent_rate, child_rate: how often the latent is active on the parent's other items and on the child's. gap:
    parent_rate - child_rate. p: one-sided permutation p-value of the gap, permuting the child label over the parent's
    items."""

    parent_rate: float
    child_rate: float
    gap: float
    p: float


def absorption_gap(
    active: np.ndarray, items: np.ndarray, parent: np.ndarray, child: np.ndarray, stratum: np.ndarray, *,
    draws: int = 999, seed: int = 0,
) -> AbsorptionGap:  # fmt: skip
    """How much less often a parent's latent is active on one child. active: (n,) bool, items: (n,) of the positions.
    parent, child: (I+1,) bool, the child within the parent. stratum: (I+1,); labels are permuted within strata.

    >>> active, items = np.arange(20) % 10 < np.repeat([9, 4], 10), np.repeat([1, 2], 10)
    >>> both = np.array([False, True, True])
    >>> round(absorption_gap(active, items, both, np.array([False, False, True]), np.zeros(3, int)).gap, 6)
    0.5
    """
    observed = np.flatnonzero(parent & (np.bincount(items, minlength=len(parent)) > 0))
    count = np.bincount(items, minlength=len(parent))[observed].astype(float)
    hits = np.bincount(items, weights=active, minlength=len(parent))[observed]
    rng, label = np.random.default_rng(seed), child[observed]
    permuted = (label[permute_within_strata(stratum[observed], rng)] for _ in range(draws))
    labels = np.stack([label, *permuted])  # (1 + draws, items), the observed one first
    with np.errstate(invalid="ignore"):
        child_rate = (labels @ hits) / (labels @ count)
        parent_rate = (hits.sum() - labels @ hits) / (count.sum() - labels @ count)
    gaps = parent_rate - child_rate
    p = (1 + (gaps[1:] >= gaps[0] - 1e-9).sum()) / (1 + draws) if gaps[0] == gaps[0] else np.nan
    return AbsorptionGap(float(parent_rate[0]), float(child_rate[0]), float(gaps[0]), float(p))


def fully_absorbed(
    z: csr_matrix, directions: np.ndarray, probe: np.ndarray, projection: np.ndarray, main: list[int]
) -> np.ndarray:
    """(n,) bool: positions of a concept where none of its main latents is active and another latent, whose direction
    has a cosine of at least `MIN_COSINE` to the probe, contributes at least `MIN_PROJECTION_SHARE` of the projection on
    it.

    z: (n, m) latents in units of the site. directions: (m, D) and probe: (D,) of norm 1. projection: (n,) of the
    positions on the probe.
    """
    cosine = directions @ probe
    inactive = np.asarray(z[:, main].sum(axis=1)).ravel() == 0
    cosine[main] = 0
    cosine[cosine < MIN_COSINE] = 0
    contribution = z.multiply(cosine[None]).tocsr().max(axis=1).toarray().ravel()
    return inactive & (projection > 0) & (contribution >= MIN_PROJECTION_SHARE * projection)


def greedy_union_f1(
    discovery: tuple[csr_matrix, np.ndarray], held_out: tuple[csr_matrix, np.ndarray], *, max_latents: int = 5
) -> tuple[list[int], np.ndarray]:
    """Latents that together predict a concept, selected greedily by the F1 of their union on the discovery split: their
    indices, and (max_latents,) the F1 on the held-out split with the first 1, 2, ... of them.

    Both splits: latents (n, m), and (n,) bool, where the concept holds.
    """
    z, holds = (discovery[0] > 0).astype(np.float32).tocsr(), discovery[1].astype(np.float32)
    predicted, chosen, scores = np.zeros(len(holds), bool), [], []
    for _ in range(min(max_latents, z.shape[1])):
        rest = z[~predicted]
        both = (predicted * holds).sum() + rest.T @ holds[~predicted]
        f1 = 2 * both / np.maximum(predicted.sum() + np.asarray(rest.sum(axis=0)).ravel() + holds.sum(), 1)
        f1[chosen] = -1
        chosen.append(int(f1.argmax()))
        predicted |= z[:, [chosen[-1]]].toarray().ravel() > 0
    active, test_holds = (held_out[0][:, chosen] > 0).toarray(), held_out[1]
    for n in range(1, len(chosen) + 1):
        union = active[:, :n].any(axis=1)
        scores.append(2 * (union & test_holds).sum() / max(union.sum() + test_holds.sum(), 1))
    return chosen, np.array(scores)


def matched_fraction(a: np.ndarray | csr_matrix, b: np.ndarray | csr_matrix, *, min_cosine: float = 0.8) -> float:
    """Share of the rows of a (m, D) with a cosine of at least `min_cosine` to some row of b (n, D); zero rows are left
    out. Applied to the directions of two seeds, or to the activations of their latents (the columns of z, transposed).

    >>> matched_fraction(np.eye(3), np.array([[2.0, 0, 0], [0, 1, 1]]))
    0.3333333333333333
    """
    a, b = (csr_matrix(rows) for rows in (a, b))
    norms = [np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel()) for rows in (a, b)]
    a, b = (rows[norm > 0].multiply(1 / norm[norm > 0, None]).tocsr() for rows, norm in zip((a, b), norms))
    if not a.shape[0] or not b.shape[0]:
        return float("nan")
    return float(((a @ b.T).max(axis=1).toarray().ravel() >= min_cosine).mean())
