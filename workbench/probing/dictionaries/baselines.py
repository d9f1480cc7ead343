"""Baseline dictionaries for comparison with autoencoders: untrained or classical decompositions, and autoencoders as
negative controls."""
from dataclasses import replace
from inspect import signature

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.errors import UserError, check_names, unknown_name
from workbench.probing.dictionaries import sae
from workbench.probing.dictionaries.clustering import kmeans, nmf, product_kmeans
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.train.rng import derive_seed


def signed_directions(encoder: Tensor, decoder: Tensor, center: Tensor, k: int, kind: str) -> Dictionary:
    """Latents that are the positive and the negative parts of linear projections (m, D), decoded by `decoder` (m,
    D)."""
    W, D = torch.cat([encoder, -encoder]), torch.cat([decoder, -decoder])
    return Dictionary(W, -W @ center, D, center, torch.zeros(len(W)), k, about={"kind": kind, "k": k})


def neurons(x: np.ndarray, k: int = 0, seed: int = 0) -> Dictionary:
    """The site's own dimensions, split by sign."""
    eye = torch.eye(x.shape[1])
    return signed_directions(eye, eye, torch.from_numpy(x.mean(axis=0)), k, "neurons")


def pca(x: np.ndarray, k: int = 0, seed: int = 0) -> Dictionary:
    """Principal components, split by sign; with k > 0, the k of the largest magnitude in each row."""
    center = torch.from_numpy(x.mean(axis=0))
    directions = torch.linalg.svd(torch.from_numpy(x) - center, full_matrices=False).Vh
    return signed_directions(directions, directions, center, k, "pca")


def ica(x: np.ndarray, k: int = 0, seed: int = 0) -> Dictionary:
    """Independent components (FastICA), split by sign."""
    from sklearn.decomposition import FastICA

    model = FastICA(whiten="unit-variance", random_state=derive_seed(seed, "ica") % 2**32, max_iter=300)
    model.fit(x.astype(np.float64))
    encoder, decoder = (torch.from_numpy(np.ascontiguousarray(a, np.float32))
                        for a in (model.components_, model.mixing_.T))  # fmt: skip
    norm = decoder.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return signed_directions(encoder * norm, decoder / norm, torch.from_numpy(x.mean(axis=0)), k, "ica")


def random(x: np.ndarray, k: int = 8, seed: int = 0, latents: int = 0) -> Dictionary:
    """Random directions, the k with the largest dot products in each row, scaled by the factor that fits best."""
    rng = np.random.default_rng(derive_seed(seed, "random directions"))
    directions = rng.standard_normal((latents or 8 * x.shape[1], x.shape[1]), np.float32)
    return scaled_directions(x, directions, k, "random")


def items(x: np.ndarray, table: np.ndarray, k: int = 8) -> Dictionary:
    """The item embeddings (I, D) as directions."""
    return scaled_directions(x, table - table.mean(axis=0), k, "items")


def scaled_directions(x: np.ndarray, directions: np.ndarray, k: int, kind: str) -> Dictionary:
    """Given directions (m, D), encoded by their dot products times the one factor that reconstructs best."""
    D, center = F.normalize(torch.from_numpy(directions), dim=1), torch.from_numpy(x.mean(axis=0))
    unscaled = Dictionary(D, -D @ center, D, center, torch.zeros(len(D)), k, about={"kind": kind, "k": k})
    sample = torch.from_numpy(x[:: max(1, len(x) // 8192)])
    prediction, target = unscaled.decode(unscaled.encode(sample)) - center, sample - center
    c = float((prediction * target).sum() / prediction.square().sum().clamp_min(1e-12))
    return Dictionary(c * D, c * unscaled.bias, D, center, unscaled.threshold, k, about=unscaled.about)


def frozen_decoder(
    x: np.ndarray, k: int = 8, seed: int = 0, latents: int = 0, epochs: int = 50, batch: int = 4096, lr: float = 1e-3
) -> Dictionary:
    """A TopK autoencoder with fixed random directions and a trained encoder (the sanity check of arXiv:2602.14111). Any
    measure on which it equals a trained autoencoder is no evidence of learned directions."""
    control = sae.train(x, k=k, seed=seed, latents=latents, epochs=epochs, batch=batch, lr=lr, frozen_decoder=True)
    return replace(control, about=control.about | {"kind": "frozen_decoder"})


def shuffled(
    x: np.ndarray, k: int = 8, seed: int = 0, latents: int = 0, epochs: int = 50, batch: int = 4096, lr: float = 1e-3
) -> Dictionary:
    """A TopK autoencoder of activations in which each dimension is shuffled over rows independently: every dimension
    keeps its marginal distribution and all dependence is removed."""
    rows = np.random.default_rng(derive_seed(seed, "shuffled")).permuted(x, axis=0)
    control = sae.train(rows, k=k, seed=seed, latents=latents, epochs=epochs, batch=batch, lr=lr)
    return replace(control, about=control.about | {"kind": "shuffled"})


KINDS = {
    "neurons": neurons, "pca": pca, "ica": ica, "random": random, "kmeans": kmeans, "product_kmeans": product_kmeans,
    "nmf": nmf, "frozen_decoder": frozen_decoder, "shuffled": shuffled,
}  # fmt: skip


def fit_baseline(kind: str, x: np.ndarray, *, k: int = 0, seed: int = 0, **settings) -> Dictionary:
    """A baseline by name, fitted to x (n, D). settings: further settings of the kind (`settings_of`).

    Raises UserError for an unknown kind or setting, naming the nearest, and for a negative k.
    """
    check_names(f"setting of {kind}", settings, settings_of(kind))
    if k < 0:
        raise UserError(f"k={k}: must be 0, for no limit, or more")
    return KINDS[kind](x, k=k, seed=seed, **settings)


def settings_of(kind: str) -> tuple[str, ...]:
    """The names of a kind's settings besides k and seed. Raises UserError for an unknown kind, naming the nearest."""
    if kind not in KINDS:
        raise unknown_name("baseline", kind, KINDS)
    return tuple(name for name in signature(KINDS[kind]).parameters if name not in ("x", "k", "seed"))
