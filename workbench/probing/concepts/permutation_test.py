"""Popularity-stratified permutation tests of the concepts of latents: labels are permuted among items of similar
popularity."""
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from workbench.probing.concepts.concepts import Concepts
from workbench.progress import track

FDR = 0.05  # false discovery rate


class StandardizedMeans(NamedTuple):
    """rows (n, m): mean activations of items (n,), standardized for each latent over items; 0 for inactive latents."""

    rows: np.ndarray
    items: np.ndarray


def standardize(table: np.ndarray, items: np.ndarray) -> StandardizedMeans:
    """The rows of a table (I+1, m) of mean activations for these items, with mean 0 and standard deviation 1 for each
    latent."""
    rows = table[items].astype(np.float64)
    rows -= rows.mean(axis=0)
    spread = rows.std(axis=0)
    return StandardizedMeans((rows / np.where(spread > 0, spread, np.inf)).astype(np.float32), items)


def z_scores(means: StandardizedMeans, members: csr_matrix) -> np.ndarray:
    """(m, C) z-score of the mean activation of each latent on each concept's items against a random choice of as many
    items: sum over members / sqrt(n_c (1 - n_c / n)). members: (n, C) of the same items."""
    size = np.asarray(members.sum(axis=0), np.float64).ravel()
    return (members.T @ means.rows).T / _standard_error(size, len(means.items))


def _standard_error(size: np.ndarray | float, n: int) -> np.ndarray:
    """Of the sum over `size` of n standardized items; infinite if none or all are chosen, so that the z-score is 0."""
    partial = np.asarray((size > 0) & (size < n))
    return np.where(partial, np.sqrt(np.maximum(size * (1 - size / n), 1e-9)), np.inf).astype(np.float32)


def popularity_strata(counts: np.ndarray, items: np.ndarray, n_strata: int = 10) -> np.ndarray:
    """(n,) popularity quantile of each item, by train counts (I+1,)."""
    rank = np.argsort(np.argsort(counts[items], kind="stable"), kind="stable")
    return rank * n_strata // max(1, len(items))


def first_categories(concepts: Concepts) -> np.ndarray:
    """(I+1,) the number of each item's first-level category, 0 if unknown."""
    columns = np.flatnonzero(np.isin(concepts.families, ("category", "category 1")))
    return (concepts.members[:, columns] @ np.arange(1, len(columns) + 1)).astype(np.int64)


def permute_within_strata(stratum: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n,) a random permutation that maps each stratum (n,) to itself."""
    sorted_rows, order = np.argsort(stratum, kind="stable"), np.lexsort((rng.random(len(stratum)), stratum))
    permutation = np.empty(len(stratum), np.int64)
    permutation[sorted_rows] = order
    return permutation


def permutation_null(
    means: StandardizedMeans, members: csr_matrix, chosen: np.ndarray, stratum: np.ndarray, *, draws: int, seed: int
) -> np.ndarray:
    """(draws, m) z-score of each latent for its chosen concept (m,) with labels permuted within strata (n,). The
    concept was chosen on other items, so it is kept fixed and p-values under the null are uniform."""
    rng = np.random.default_rng(seed)
    # for each draw, the item that each item's label moves to
    targets = np.stack([permute_within_strata(stratum, rng) for _ in range(draws)]).argsort(axis=1)
    null = np.empty((draws, means.rows.shape[1]), np.float32)
    for concept in track(np.unique(chosen), "permute concepts", unit="concepts"):
        latents, items = np.flatnonzero(chosen == concept), members[:, concept].nonzero()[0]
        labels = csr_matrix((np.ones(draws * len(items), np.float32), targets[:, items].ravel(),
                             np.arange(draws + 1) * len(items)), shape=targets.shape)  # fmt: skip
        null[:, latents] = labels @ means.rows[:, latents] / max(_standard_error(len(items), len(means.items)), 1e-30)
    return null


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """(m,) q-values of p-values (m,) by Benjamini and Hochberg; NaN is left out.

    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03, np.nan])).round(3).tolist()
    [0.03, 0.04, 0.04, nan]
    """
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested])]
    scaled = p[order] * len(order) / np.arange(1, len(order) + 1)
    q = np.full(len(p), np.nan)
    q[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return q
