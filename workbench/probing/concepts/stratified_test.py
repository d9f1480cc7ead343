"""What a latent tells of a concept among items of the same stratum, such as a code prefix, and how sure that is."""
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import gammaln

from workbench.probing.concepts.concept_test import NOISE
from workbench.probing.concepts.permutation_test import RATE, Standard, differences, null

BAND, BANDS = 10, 10  # items that a band of popularity needs, and how many bands there are at most
SILENT = 1e-5  # of a latent's spread over all items: less than that within strata is rounding


def counted(stratum: np.ndarray, members: csr_matrix) -> tuple[csr_matrix, np.ndarray, np.ndarray]:
    """indicator (S, n), sizes (S,), how many of a concept (S, C) each stratum has. stratum: (n,). members: (n, C)."""
    number = np.unique(stratum, return_inverse=True)[1].ravel()
    indicator = csr_matrix((np.ones(len(number)), (number, np.arange(len(number)))))
    return indicator, np.bincount(number), (indicator @ members).toarray()


def centred(rows: np.ndarray, stratum: np.ndarray) -> np.ndarray:
    """(n, m) float64: rows less the mean of their stratum (n,), over their spread; 0 for what does not vary there."""
    rows = rows.astype(np.float64)
    number = np.unique(stratum, return_inverse=True)[1].ravel()
    indicator = csr_matrix((np.ones(len(number)), (number, np.arange(len(number)))))
    left = rows - ((indicator @ rows) / np.bincount(number)[:, None])[number]
    spread = left.std(axis=0)
    return left / np.where(spread > SILENT * rows.std(axis=0), spread, np.inf)


def effects(rows: np.ndarray, members: csr_matrix, stratum: np.ndarray) -> np.ndarray:
    """(m, C) stratified standardised mean differences: the sum over members of rows (n, m) that `centred` gave, in
    standard errors of labels dealt out at random within each stratum, sqrt(sum_s S_s^2 n_sc (n_s - n_sc) / n_s). With
    one stratum it is `permute.differences` times sqrt((n - 1) / n). 0 where no stratum holds both kinds of items.

    >>> stratum = np.array([0, 0, 0, 0, 1, 1])
    >>> rows = centred(np.array([[1.0], [0], [0], [0], [5], [5]]), stratum)
    >>> round(float(effects(rows, csr_matrix(np.array([[1], [0], [0], [0], [1], [1]])), stratum)[0, 0]), 6)
    1.732051
    """
    indicator, size, inside = counted(stratum, members)
    variance = (indicator @ np.square(rows)) / np.maximum(size - 1, 1)[:, None]
    error = np.sqrt(np.maximum(variance.T @ (inside * (1 - inside / size[:, None])), 0))
    return (members.T @ rows).T / np.where(error > 1e-9, error, np.inf)


def cells(stratum: np.ndarray, popularity: np.ndarray) -> np.ndarray:
    """(n,) which items labels are dealt out among: those of a stratum (n,), in bands of the same popularity (n,) where
    the stratum has enough of them: as many bands as leave ten items in each, and at most ten."""
    order = np.lexsort((popularity, stratum))
    _, start, size = np.unique(stratum[order], return_index=True, return_counts=True)
    place = np.arange(len(stratum)) - np.repeat(start, size)
    bands = np.clip(size // BAND, 1, BANDS)
    out = np.empty(len(stratum), np.int64)
    out[order] = np.repeat(np.arange(len(size)) * BANDS, size) + place * np.repeat(bands, size) // np.repeat(size, size)
    return out


def ways(members: csr_matrix, cell: np.ndarray) -> np.ndarray:
    """(C,) log of how many ways there are to deal a concept's labels (n, C) out again within cells (n,)."""
    _, size, k = counted(cell, members)
    n = size[:, None]
    return (gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)).sum(axis=0)


class Tested(NamedTuple):
    """(m,) each. effect: of `effects` at the chosen concepts. p: NaN where the labels can be dealt out in too few ways
    for any p below .05. mixed: items in a cell with others that differ in the concept."""

    effect: np.ndarray
    p: np.ndarray
    mixed: np.ndarray


def tested(
    rows: np.ndarray, members: csr_matrix, chosen: np.ndarray, stratum: np.ndarray, popularity: np.ndarray, *,
    draws: int, seed: int,
) -> Tested:  # fmt: skip
    """Does each of m latents tell its chosen concept (m,) among items of a stratum? rows: (n, m) what they do at items.
    members: (n, C); stratum, popularity: (n,). The choice was made on other items. p is one-sided: how often labels
    dealt out again within `cells` go with the latent as much."""
    left, cell = centred(rows, stratum), cells(stratum, popularity)
    a, each = Standard(left.astype(np.float32), np.arange(len(rows))), np.arange(len(chosen))
    drawn = null(a, members, chosen, cell, draws=draws, seed=seed)
    score = differences(a, members)[each, chosen]
    p = (1 + (drawn >= score - NOISE).sum(axis=0)) / (1 + draws)
    _, size, inside = counted(cell, members)
    mixed = (((inside > 0) & (inside < size[:, None])) * size[:, None]).sum(axis=0)
    enough = ways(members, cell) >= np.log(1 / RATE)
    return Tested(effects(left, members, stratum)[each, chosen], np.where(enough[chosen], p, np.nan), mixed[chosen])
