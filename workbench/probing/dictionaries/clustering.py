"""Rivals of an autoencoder whose codes are not linear: clusters, clusters of parts, and nonnegative factors."""
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.errors import UserError
from workbench.probing.dictionaries import sae
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.dictionaries.encoders import split
from workbench.tokens.rq_kmeans import lloyd
from workbench.train.rng import derive

ITERATIONS = 50  # of k-means
SAMPLE, PASSES = 8192, 100  # rows that the nonnegative factors are found on, and how often they are gone over


def kmeans(x: np.ndarray, k: int = 1, seed: int = 0, latents: int = 0) -> Dictionary:
    """The nearest of `latents` centroids (8 D if 0) and nothing else: one latent fires in a row, whatever k is asked
    for, as far as its centroid lies from the mean."""
    rows, mean = sae.centred(x)
    table, _ = lloyd(rows, _at_most(latents or 8 * x.shape[1], x), ITERATIONS, derive(seed, "kmeans"))
    return _clusters(table, mean, 1, {"form": "kmeans", "k": 1, "latents": len(table), "seed": seed})


def product_kmeans(x: np.ndarray, k: int = 8, seed: int = 0, latents: int = 0) -> Dictionary:
    """The principal components dealt to k parts, and in each part the nearest of its latents / k centroids (8 D in all
    if 0): k latents fire in a row.

    Components are turned, not whitened, and dealt so that the parts' products of variances are as equal as can be (Ge
    et al. 2013, optimised product quantisation, "parametric"). UserError where k is no number of parts of D dimensions.
    """
    D = x.shape[1]
    if not 1 <= k <= D:
        raise UserError(f"product_kmeans: k={k}; {D} dimensions have between 1 and {D} parts")
    rows, mean = sae.centred(x)
    each = _at_most(max(1, (latents or 8 * D) // k), x)
    spread, components = torch.linalg.svd(rows, full_matrices=False)[1:]
    tables = []
    for number, part in enumerate(dealt(spread.numpy(), k)):
        directions = components[part]
        table, _ = lloyd(rows @ directions.T, each, ITERATIONS, derive(seed, "kmeans", number))
        tables.append(table @ directions)
    about = {"form": "product_kmeans", "k": k, "latents": k * each, "seed": seed}
    return _clusters(torch.cat(tables), mean, k, about)


def dealt(spread: np.ndarray, k: int) -> list[list[int]]:
    """k lists of components, dealt in rounds, the widest first; within a round a component goes to the part whose
    product of spreads (D,) is smallest so far.

    >>> dealt(np.array([8.0, 4.0, 2.0, 1.0]), 2)
    [[0, 3], [1, 2]]
    """
    logs = np.log(np.maximum(spread / spread.max(), 1e-9))
    parts: list[list[int]] = [[] for _ in range(k)]
    for component in np.argsort(-spread, kind="stable"):
        shortest = min(map(len, parts))
        part = min((p for p in parts if len(p) == shortest), key=lambda p: float(logs[p].sum()))
        part.append(int(component))
    return parts


def nmf(x: np.ndarray, k: int = 0, seed: int = 0, factors: int = 0) -> Dictionary:
    """Nonnegative factors of the two signs of x less its mean (`readings.split`), as many as dimensions if 0: twice as
    many would be the signed dimensions themselves. With k, the k largest of a row are kept and solved for again.

    UserError where there are more factors than signs.
    """
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    rows, mean = sae.centred(x)
    D, count = x.shape[1], factors or x.shape[1]
    signs = split(rows[:: -(-len(rows) // SAMPLE)]).numpy()
    if count > min(signs.shape):
        raise UserError(f"nmf: {count} factors of {len(signs):,} rows with two signs of {D} dimensions; give at most "
                        f"{min(signs.shape)}")  # fmt: skip
    model = NMF(count, init="nndsvda", max_iter=PASSES, random_state=derive(seed, "nmf") % 2**32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # that more passes would fit these rows a little closer
        model.fit(signs)
    H = torch.from_numpy(np.ascontiguousarray(model.components_, np.float32))
    directions, zero = H[:, :D] - H[:, D:], torch.zeros(count)
    # a factor that is as much of a sign as of its opposite moves nothing: its length is kept from being 0
    length = torch.maximum(directions.norm(dim=1), 1e-6 * H.norm(dim=1)).clamp_min(1e-12)[:, None]
    return Dictionary(H / length, zero, directions / length, mean, zero, k, reading="nonnegative",
                      about={"form": "nmf", "k": k, "factors": count, "seed": seed})


def _at_most(centroids: int, x: np.ndarray) -> int:
    if centroids > len(x):
        raise UserError(f"{len(x):,} activations for {centroids:,} centroids; give more rows or fewer latents")
    return centroids


def _clusters(table: Tensor, mean: Tensor, parts: int, about: dict) -> Dictionary:
    """Centroids (m, D) less the mean as a dictionary: the nearest one is the largest x.c - |c|^2 / 2."""
    bias = -table @ mean - table.square().sum(1) / 2
    return Dictionary(table, bias, F.normalize(table, dim=1), mean, torch.zeros(len(table)), parts, reading="nearest",
                      about=about)
