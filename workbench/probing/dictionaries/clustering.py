"""Baseline dictionaries with nonlinear codes: k-means, product k-means, and nonnegative matrix factorization."""
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.errors import UserError
from workbench.probing.dictionaries import sae
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.dictionaries.encoders import split_signs
from workbench.tokens.rq_kmeans import lloyd
from workbench.train.rng import derive_seed

ITERATIONS = 50  # of k-means
SAMPLE, NMF_ITERATIONS = 8192, 100  # rows that NMF is fitted to, and its iterations


def kmeans(x: np.ndarray, k: int = 1, seed: int = 0, latents: int = 0) -> Dictionary:
    """The nearest of `latents` centroids (8 D if 0): one active latent per row, whatever k is; its value is the
    distance of the centroid from the mean."""
    rows, mean = sae.center(x)
    table, _ = lloyd(rows, _check_rows(latents or 8 * x.shape[1], x), ITERATIONS, derive_seed(seed, "kmeans"))
    return _centroid_dictionary(table, mean, 1, {"kind": "kmeans", "k": 1, "latents": len(table), "seed": seed})


def product_kmeans(x: np.ndarray, k: int = 8, seed: int = 0, latents: int = 0) -> Dictionary:
    """Product quantization: the principal components are divided into k groups, with latents / k centroids in each (8 D
    in all if 0), so k latents are active per row.

    Components are rotated, not whitened, and divided so that the groups' products of variances are as equal as possible
    (Ge et al., 2013, optimized product quantization, parametric). Raises UserError unless 1 <= k <= D.
    """
    D = x.shape[1]
    if not 1 <= k <= D:
        raise UserError(f"product_kmeans: k={k}; {D} dimensions can be divided into 1 to {D} groups")
    rows, mean = sae.center(x)
    centroids = _check_rows(max(1, (latents or 8 * D) // k), x)
    singular_values, components = torch.linalg.svd(rows, full_matrices=False)[1:]
    tables = []
    for number, group in enumerate(eigenvalue_allocation(singular_values.numpy(), k)):
        directions = components[group]
        table, _ = lloyd(rows @ directions.T, centroids, ITERATIONS, derive_seed(seed, "kmeans", number))
        tables.append(table @ directions)
    about = {"kind": "product_kmeans", "k": k, "latents": k * centroids, "seed": seed}
    return _centroid_dictionary(torch.cat(tables), mean, k, about)


def eigenvalue_allocation(spread: np.ndarray, k: int) -> list[list[int]]:
    """k groups of components, assigned in rounds in order of decreasing spread (D,); within a round a component joins
    the group with the smallest product of spreads so far.

    >>> eigenvalue_allocation(np.array([8.0, 4.0, 2.0, 1.0]), 2)
    [[0, 3], [1, 2]]
    """
    logs = np.log(np.maximum(spread / spread.max(), 1e-9))
    groups: list[list[int]] = [[] for _ in range(k)]
    for component in np.argsort(-spread, kind="stable"):
        shortest = min(map(len, groups))
        group = min((g for g in groups if len(g) == shortest), key=lambda g: float(logs[g].sum()))
        group.append(int(component))
    return groups


def nmf(x: np.ndarray, k: int = 0, seed: int = 0, factors: int = 0) -> Dictionary:
    """Nonnegative matrix factorization of the split signs of the centered activations (`encoders.split_signs`).
    factors: D if 0; with 2 D the factors would be the signed dimensions themselves. With k > 0, the k largest per row
    are kept and solved for again.

    Raises UserError for more factors than split dimensions.
    """
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    rows, mean = sae.center(x)
    D, count = x.shape[1], factors or x.shape[1]
    signs = split_signs(rows[:: -(-len(rows) // SAMPLE)]).numpy()
    if count > min(signs.shape):
        raise UserError(f"nmf: {count} factors of {len(signs):,} rows with two signs of {D} dimensions; give at most "
                        f"{min(signs.shape)}")  # fmt: skip
    model = NMF(count, init="nndsvda", max_iter=NMF_ITERATIONS, random_state=derive_seed(seed, "nmf") % 2**32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # more iterations would fit these rows slightly better
        model.fit(signs)
    H = torch.from_numpy(np.ascontiguousarray(model.components_, np.float32))
    directions, zero = H[:, :D] - H[:, D:], torch.zeros(count)
    # a factor with equal weight on both signs has no net direction: its norm is kept above 0
    norm = torch.maximum(directions.norm(dim=1), 1e-6 * H.norm(dim=1)).clamp_min(1e-12)[:, None]
    return Dictionary(H / norm, zero, directions / norm, mean, zero, k, encoding="nonnegative",
                      about={"kind": "nmf", "k": k, "factors": count, "seed": seed})


def _check_rows(centroids: int, x: np.ndarray) -> int:
    if centroids > len(x):
        raise UserError(f"{len(x):,} activations for {centroids:,} centroids; give more rows or fewer latents")
    return centroids


def _centroid_dictionary(table: Tensor, mean: Tensor, k: int, about: dict) -> Dictionary:
    """Centered centroids (m, D) in k groups as a dictionary: the nearest one has the largest x.c - |c|^2 / 2."""
    bias = -table @ mean - table.square().sum(1) / 2
    return Dictionary(table, bias, F.normalize(table, dim=1), mean, torch.zeros(len(table)), k, encoding="nearest",
                      about=about)
