"""Permutation test of a latent's concept within strata of items, such as items with the same code prefix."""
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import gammaln

from workbench.probing.concepts.concept_test import ROUNDING_TOLERANCE
from workbench.probing.concepts.permutation_test import FDR, StandardizedMeans, permutation_null, z_scores

BAND, BANDS = 10, 10  # least items per popularity band, and the largest number of bands
MIN_RELATIVE_SPREAD = 1e-5  # of a latent's standard deviation over all items: less within strata is rounding error


def stratum_counts(stratum: np.ndarray, members: csr_matrix) -> tuple[csr_matrix, np.ndarray, np.ndarray]:
    """indicator (S, n), size (S,), and members of each concept per stratum (S, C). stratum: (n,). members: (n, C)."""
    number = np.unique(stratum, return_inverse=True)[1].ravel()
    indicator = csr_matrix((np.ones(len(number)), (number, np.arange(len(number)))))
    return indicator, np.bincount(number), (indicator @ members).toarray()


def center_within_strata(rows: np.ndarray, stratum: np.ndarray) -> np.ndarray:
    """(n, m) float64: rows minus the mean of their stratum (n,), divided by the remaining standard deviation; 0 for
    columns that do not vary within strata."""
    rows = rows.astype(np.float64)
    number = np.unique(stratum, return_inverse=True)[1].ravel()
    indicator = csr_matrix((np.ones(len(number)), (number, np.arange(len(number)))))
    residual = rows - ((indicator @ rows) / np.bincount(number)[:, None])[number]
    spread = residual.std(axis=0)
    return residual / np.where(spread > MIN_RELATIVE_SPREAD * rows.std(axis=0), spread, np.inf)


def stratified_effects(rows: np.ndarray, members: csr_matrix, stratum: np.ndarray) -> np.ndarray:
    """(m, C) stratified standardized mean differences: the sum over members of rows (n, m) from `center_within_strata`,
    divided by its standard error under random labels within strata, sqrt(sum_s S_s^2 n_sc (n_s - n_sc) / n_s). With one
    stratum it is `permutation_test.z_scores` times sqrt((n - 1) / n). 0 if no stratum has members and others.

    >>> stratum = np.array([0, 0, 0, 0, 1, 1])
    >>> rows = center_within_strata(np.array([[1.0], [0], [0], [0], [5], [5]]), stratum)
    >>> members = csr_matrix(np.array([[1], [0], [0], [0], [1], [1]]))
    >>> round(float(stratified_effects(rows, members, stratum)[0, 0]), 6)
    1.732051
    """
    indicator, size, inside = stratum_counts(stratum, members)
    variance = (indicator @ np.square(rows)) / np.maximum(size - 1, 1)[:, None]
    error = np.sqrt(np.maximum(variance.T @ (inside * (1 - inside / size[:, None])), 0))
    return (members.T @ rows).T / np.where(error > 1e-9, error, np.inf)


def permutation_cells(stratum: np.ndarray, popularity: np.ndarray) -> np.ndarray:
    """(n,) the cell within which an item's labels are permuted: its stratum (n,), divided into bands of popularity (n,)
    as far as ten items remain in each band, and into at most ten."""
    order = np.lexsort((popularity, stratum))
    _, start, size = np.unique(stratum[order], return_index=True, return_counts=True)
    rank = np.arange(len(stratum)) - np.repeat(start, size)
    bands = np.clip(size // BAND, 1, BANDS)
    cell = np.empty(len(stratum), np.int64)
    cell[order] = np.repeat(np.arange(len(size)) * BANDS, size) + rank * np.repeat(bands, size) // np.repeat(size, size)
    return cell


def log_permutations(members: csr_matrix, cell: np.ndarray) -> np.ndarray:
    """(C,) log of the number of distinct permutations of a concept's labels (n, C) within cells (n,)."""
    _, size, k = stratum_counts(cell, members)
    n = size[:, None]
    return (gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)).sum(axis=0)


class StratifiedTest(NamedTuple):
    """(m,) each. effect: `stratified_effects` for the chosen concepts. p: NaN if there are too few distinct
    permutations for any p below .05. informative_items: items in a cell with both members and others."""

    effect: np.ndarray
    p: np.ndarray
    informative_items: np.ndarray


def stratified_test(
    rows: np.ndarray, members: csr_matrix, chosen: np.ndarray, stratum: np.ndarray, popularity: np.ndarray, *,
    draws: int, seed: int,
) -> StratifiedTest:  # fmt: skip
    """Test whether each of m latents distinguishes its chosen concept (m,) among items of the same stratum. rows: (n,
    m) mean activations of items. members: (n, C); stratum, popularity: (n,). The concepts were chosen on other items. p
    is one-sided, from labels permuted within `permutation_cells`."""
    residual, cell = center_within_strata(rows, stratum), permutation_cells(stratum, popularity)
    means = StandardizedMeans(residual.astype(np.float32), np.arange(len(rows)))
    latents = np.arange(len(chosen))
    null = permutation_null(means, members, chosen, cell, draws=draws, seed=seed)
    observed = z_scores(means, members)[latents, chosen]
    p = (1 + (null >= observed - ROUNDING_TOLERANCE).sum(axis=0)) / (1 + draws)
    _, size, inside = stratum_counts(cell, members)
    informative = (((inside > 0) & (inside < size[:, None])) * size[:, None]).sum(axis=0)
    testable = log_permutations(members, cell) >= np.log(1 / FDR)
    effect = stratified_effects(residual, members, stratum)[latents, chosen]
    return StratifiedTest(effect, np.where(testable[chosen], p, np.nan), informative[chosen])
