"""Permutation tests of what latents stand for: labels are dealt out again among items as popular."""
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from workbench.probing.concepts.concepts import Concepts
from workbench.progress import track

RATE = 0.05  # of false discoveries


class Standard(NamedTuple):
    """rows (n, m): mean activations of items (n,), centred and over each latent's spread; 0 for silent latents."""

    rows: np.ndarray
    items: np.ndarray


def standard(table: np.ndarray, items: np.ndarray) -> Standard:
    """The rows of a table (I+1, m) of mean activations at these items, made comparable between latents."""
    rows = table[items].astype(np.float64)
    rows -= rows.mean(axis=0)
    spread = rows.std(axis=0)
    return Standard((rows / np.where(spread > 0, spread, np.inf)).astype(np.float32), items)


def differences(a: Standard, members: csr_matrix) -> np.ndarray:
    """(m, C) how much more a latent fires on the items of a concept than on others, in standard errors of a random
    choice of as many: sum over members / sqrt(n_c (1 - n_c / n)). members: (n, C) of the same items."""
    size = np.asarray(members.sum(axis=0), np.float64).ravel()
    return (members.T @ a.rows).T / _error(size, len(a.items))


def _error(size: np.ndarray | float, n: int) -> np.ndarray:
    """Of the sum over `size` of n standardised items; without end where none or all are chosen: nothing to see."""
    inside = np.asarray((size > 0) & (size < n))
    return np.where(inside, np.sqrt(np.maximum(size * (1 - size / n), 1e-9)), np.inf).astype(np.float32)


def strata(counts: np.ndarray, items: np.ndarray, parts: int = 10) -> np.ndarray:
    """(n,) which tenth of popularity each item is of, by train counts (I+1,)."""
    order = np.argsort(np.argsort(counts[items], kind="stable"), kind="stable")
    return order * parts // max(1, len(items))


def categories(concepts: Concepts) -> np.ndarray:
    """(I+1,) a number for the first category of each item, 0 for none that is known."""
    mine = np.flatnonzero(np.isin(concepts.families, ("category", "category 1")))
    return (concepts.members[:, mine] @ np.arange(1, len(mine) + 1)).astype(np.int64)


def shuffled(stratum: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n,) a permutation that leaves everyone within their stratum."""
    place, order = np.argsort(stratum, kind="stable"), np.lexsort((rng.random(len(stratum)), stratum))
    out = np.empty(len(stratum), np.int64)
    out[place] = order
    return out


def null(
    a: Standard, members: csr_matrix, chosen: np.ndarray, stratum: np.ndarray, *, draws: int, seed: int
) -> np.ndarray:
    """(draws, m) the difference of each latent at its chosen concept (m,) when labels are dealt out again among items
    of the same stratum (n,). The choice was made on other items, so the concept stays the same and p-values of noise
    are uniform."""
    rng = np.random.default_rng(seed)
    dealt = np.stack([shuffled(stratum, rng) for _ in range(draws)]).argsort(axis=1)  # where each label's item goes
    out = np.empty((draws, a.rows.shape[1]), np.float32)
    for concept in track(np.unique(chosen), "permute concepts", unit="concepts"):
        mine, has = np.flatnonzero(chosen == concept), members[:, concept].nonzero()[0]
        drawn = csr_matrix((np.ones(draws * len(has), np.float32), dealt[:, has].ravel(),
                            np.arange(draws + 1) * len(has)), shape=dealt.shape)  # fmt: skip
        out[:, mine] = drawn @ a.rows[:, mine] / max(_error(len(has), len(a.items)), 1e-30)
    return out


def step_up(p: np.ndarray, rate: float = RATE) -> np.ndarray:
    """(m,) q-values of p-values by Benjamini and Hochberg; NaN stays out.

    >>> step_up(np.array([0.01, 0.04, 0.03, np.nan])).round(3).tolist()
    [0.03, 0.04, 0.04, nan]
    """
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known])]
    scaled = p[order] * len(order) / np.arange(1, len(order) + 1)
    q = np.full(len(p), np.nan)
    q[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return q
