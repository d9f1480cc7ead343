"""What any claim about an autoencoder has to beat, through the same door: dictionaries that nobody trained as one, and
autoencoders that were kept from learning what matters."""
from dataclasses import replace
from inspect import signature

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.errors import UserError, check_names, unknown
from workbench.probing.dictionaries import sae
from workbench.probing.dictionaries.clustering import kmeans, nmf, product_kmeans
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.train.rng import derive


def both_ways(directions: Tensor, back: Tensor, center: Tensor, k: int, form: str) -> Dictionary:
    """Latents that are the positive and the negative parts of linear read-outs (m, D), decoded along `back` (m, D)."""
    W, D = torch.cat([directions, -directions]), torch.cat([back, -back])
    return Dictionary(W, -W @ center, D, center, torch.zeros(len(W)), k, about={"form": form, "k": k})


def neurons(x: np.ndarray, k: int = 0, seed: int = 0) -> Dictionary:
    """The site's own dimensions, split by sign."""
    eye = torch.eye(x.shape[1])
    return both_ways(eye, eye, torch.from_numpy(x.mean(axis=0)), k, "neurons")


def pca(x: np.ndarray, k: int = 0, seed: int = 0) -> Dictionary:
    """Principal components, split by sign; with k, the k of the largest magnitude in each row."""
    center = torch.from_numpy(x.mean(axis=0))
    directions = torch.linalg.svd(torch.from_numpy(x) - center, full_matrices=False).Vh
    return both_ways(directions, directions, center, k, "pca")


def ica(x: np.ndarray, k: int = 0, seed: int = 0) -> Dictionary:
    """Independent components (FastICA), split by sign."""
    from sklearn.decomposition import FastICA

    model = FastICA(whiten="unit-variance", random_state=derive(seed, "ica") % 2**32, max_iter=300)
    model.fit(x.astype(np.float64))
    out, back = (torch.from_numpy(np.ascontiguousarray(a, np.float32)) for a in (model.components_, model.mixing_.T))
    length = back.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return both_ways(out * length, back / length, torch.from_numpy(x.mean(axis=0)), k, "ica")


def random(x: np.ndarray, k: int = 8, seed: int = 0, latents: int = 0) -> Dictionary:
    """Random directions, the k best matching ones of each row, scaled together to fit the data best."""
    rng = np.random.default_rng(derive(seed, "random directions"))
    directions = rng.standard_normal((latents or 8 * x.shape[1], x.shape[1]), np.float32)
    return matched(x, directions, k, "random")


def items(x: np.ndarray, table: np.ndarray, k: int = 8) -> Dictionary:
    """The item table (I, D) as the directions."""
    return matched(x, table - table.mean(axis=0), k, "items")


def matched(x: np.ndarray, directions: np.ndarray, k: int, form: str) -> Dictionary:
    """Given directions (m, D), read by their own dot products times the one factor that reconstructs best."""
    D, center = F.normalize(torch.from_numpy(directions), dim=1), torch.from_numpy(x.mean(axis=0))
    plain = Dictionary(D, -D @ center, D, center, torch.zeros(len(D)), k, about={"form": form, "k": k})
    some = torch.from_numpy(x[:: max(1, len(x) // 8192)])
    guess, real = plain.decode(plain.encode(some)) - center, some - center
    c = float((guess * real).sum() / guess.square().sum().clamp_min(1e-12))
    return Dictionary(c * D, c * plain.bias, D, center, plain.threshold, k, about=plain.about)


def frozen_decoder(
    x: np.ndarray, k: int = 8, seed: int = 0, latents: int = 0, epochs: int = 50, batch: int = 4096, lr: float = 1e-3
) -> Dictionary:
    """A TopK autoencoder whose directions stay the random ones it began with; its encoder is trained (the sanity check
    of arXiv:2602.14111). What it does as well as a trained one is no evidence of learned directions."""
    found = sae.train(x, k=k, seed=seed, latents=latents, epochs=epochs, batch=batch, lr=lr, frozen_decoder=True)
    return replace(found, about=found.about | {"form": "frozen_decoder"})


def shuffled(
    x: np.ndarray, k: int = 8, seed: int = 0, latents: int = 0, epochs: int = 50, batch: int = 4096, lr: float = 1e-3
) -> Dictionary:
    """A TopK autoencoder of activations whose dimensions were shuffled among rows, each on its own: every dimension has
    the values that it had, and nothing joins them."""
    mixed = np.random.default_rng(derive(seed, "shuffled")).permuted(x, axis=0)
    found = sae.train(mixed, k=k, seed=seed, latents=latents, epochs=epochs, batch=batch, lr=lr)
    return replace(found, about=found.about | {"form": "shuffled"})


KINDS = {
    "neurons": neurons, "pca": pca, "ica": ica, "random": random, "kmeans": kmeans, "product_kmeans": product_kmeans,
    "nmf": nmf, "frozen_decoder": frozen_decoder, "shuffled": shuffled,
}  # fmt: skip


def make(kind: str, x: np.ndarray, *, k: int = 0, seed: int = 0, **settings) -> Dictionary:
    """A baseline by name, learned on x (n, D). settings: what the kind takes besides (`takes`).

    UserError names the nearest kind or setting, and where k is negative.
    """
    check_names(f"setting of {kind}", settings, takes(kind))
    if k < 0:
        raise UserError(f"k={k}: must be 0, for no limit, or more")
    return KINDS[kind](x, k=k, seed=seed, **settings)


def takes(kind: str) -> tuple[str, ...]:
    """What can be set of a kind besides k and seed. UserError names the nearest kind."""
    if kind not in KINDS:
        raise unknown("baseline", kind, KINDS)
    return tuple(name for name in signature(KINDS[kind]).parameters if name not in ("x", "k", "seed"))
