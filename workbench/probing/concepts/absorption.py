"""Where a concept holds another: a parent's latent that is silent on one child, and a concept that several latents
share. Absorption and splitting as in SAEBench (Karvonen et al., 2025), the gap by permutation of items."""
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from workbench.probing.concepts.permutation_test import shuffled

COSINE, SHARE = 0.025, 0.4  # SAEBench's full absorption: of an absorber to the probe, and of the probe's projection
SPLIT = 0.03  # F1 that several latents must add to one before a concept counts as split


class Gap(NamedTuple):
    """rest, inside: how often the latent fires on the parent's other items and on the child's. gap: rest - inside. p:
    of a gap as large when the child's name is dealt out again among the parent's items."""

    rest: float
    inside: float
    gap: float
    p: float


def absorption(
    fires: np.ndarray, items: np.ndarray, parent: np.ndarray, child: np.ndarray, stratum: np.ndarray, *,
    draws: int = 999, seed: int = 0,
) -> Gap:  # fmt: skip
    """How much less a parent's latent fires on one child. fires: (n,) bool, items: (n,) of the units. parent, child:
    (I+1,) bool, the child within the parent. stratum: (I+1,) items among which names are dealt out again.

    >>> fires, items = np.arange(20) % 10 < np.repeat([9, 4], 10), np.repeat([1, 2], 10)
    >>> both = np.array([False, True, True])
    >>> round(absorption(fires, items, both, np.array([False, False, True]), np.zeros(3, int)).gap, 6)
    0.5
    """
    asked = np.flatnonzero(parent & (np.bincount(items, minlength=len(parent)) > 0))
    count = np.bincount(items, minlength=len(parent))[asked].astype(float)
    hits = np.bincount(items, weights=fires, minlength=len(parent))[asked]
    rng, mine = np.random.default_rng(seed), child[asked]
    dealt = np.stack([mine, *(mine[shuffled(stratum[asked], rng)] for _ in range(draws))])
    with np.errstate(invalid="ignore"):
        inside = (dealt @ hits) / (dealt @ count)
        rest = (hits.sum() - dealt @ hits) / (count.sum() - dealt @ count)
    gaps = rest - inside
    p = (1 + (gaps[1:] >= gaps[0] - 1e-9).sum()) / (1 + draws) if gaps[0] == gaps[0] else np.nan
    return Gap(float(rest[0]), float(inside[0]), float(gaps[0]), float(p))


def absorbed(
    z: csr_matrix, directions: np.ndarray, probe: np.ndarray, projection: np.ndarray, main: list[int]
) -> np.ndarray:
    """(n,) bool: units of a concept where none of its main latents fires, and another one that points along the probe
    (cosine `COSINE` or more) brings `SHARE` or more of what the unit has along it.

    z: (n, m) latents in units of the site. directions: (m, D) and probe: (D,) of length 1. projection: (n,) of the
    units on the probe.
    """
    along = directions @ probe
    silent = np.asarray(z[:, main].sum(axis=1)).ravel() == 0
    along[main] = 0
    along[along < COSINE] = 0
    brought = z.multiply(along[None]).tocsr().max(axis=1).toarray().ravel()
    return silent & (projection > 0) & (brought >= SHARE * projection)


def together(
    discovery: tuple[csr_matrix, np.ndarray], held_out: tuple[csr_matrix, np.ndarray], *, most: int = 5
) -> tuple[list[int], np.ndarray]:
    """Latents that foretell a concept together, one after the other by what each adds to the F1 of firing at all on the
    discovery side: which, and (most,) their F1 on the held-out side with the first 1, 2 ... of them.

    Both sides: latents (n, m) and (n,) bool, where the concept holds.
    """
    z, member = (discovery[0] > 0).astype(np.float32).tocsr(), discovery[1].astype(np.float32)
    said, chosen, scores = np.zeros(len(member), bool), [], []
    for _ in range(min(most, z.shape[1])):
        free = z[~said]
        both = (said * member).sum() + free.T @ member[~said]
        f1 = 2 * both / np.maximum(said.sum() + np.asarray(free.sum(axis=0)).ravel() + member.sum(), 1)
        f1[chosen] = -1
        chosen.append(int(f1.argmax()))
        said |= z[:, [chosen[-1]]].toarray().ravel() > 0
    test, holds = (held_out[0][:, chosen] > 0).toarray(), held_out[1]
    for n in range(1, len(chosen) + 1):
        any_ = test[:, :n].any(axis=1)
        scores.append(2 * (any_ & holds).sum() / max(any_.sum() + holds.sum(), 1))
    return chosen, np.array(scores)


def twins(a: np.ndarray | csr_matrix, b: np.ndarray | csr_matrix, *, at: float = 0.8) -> float:
    """Share of the rows of a (m, D) that have a twin among those of b (n, D), a cosine of `at` or more; rows of zeros
    stay out. Directions of two seeds, or where their latents fire (the columns of z, turned).

    >>> twins(np.eye(3), np.array([[2.0, 0, 0], [0, 1, 1]]))
    0.3333333333333333
    """
    a, b = (csr_matrix(rows) for rows in (a, b))
    lengths = [np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel()) for rows in (a, b)]
    a, b = (rows[size > 0].multiply(1 / size[size > 0, None]).tocsr() for rows, size in zip((a, b), lengths))
    if not a.shape[0] or not b.shape[0]:
        return float("nan")
    return float(((a @ b.T).max(axis=1).toarray().ravel() >= at).mean())
