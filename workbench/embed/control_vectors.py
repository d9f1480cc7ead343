"""Item vectors that know nothing: what a system gains from real ones must be more than it gains from these."""
import numpy as np

from workbench.embed.svd import unit
from workbench.train.rng import stream


def random(n_items: int, dim: int = 64, seed: int = 0) -> np.ndarray:
    """(I+1, dim) float32 random unit rows."""
    out = np.zeros((n_items + 1, dim), np.float32)
    out[1:] = unit(stream(seed, "random item vectors").standard_normal((n_items, dim)))
    return out


def permuted(vectors: np.ndarray, seed: int = 0) -> np.ndarray:
    """The same rows 1..I, given to other items: the geometry stays and the meaning goes."""
    order = stream(seed, "permuted item vectors").permutation(len(vectors) - 1)
    return np.concatenate([vectors[:1], vectors[1:][order]])
