"""Uninformative item vectors, the control condition for methods that use item vectors."""
import numpy as np

from workbench.embed.svd import l2_normalize
from workbench.train.rng import named_rng


def random_vectors(n_items: int, dim: int = 64, seed: int = 0) -> np.ndarray:
    """(I+1, dim) float32 random unit rows."""
    out = np.zeros((n_items + 1, dim), np.float32)
    out[1:] = l2_normalize(named_rng(seed, "random item vectors").standard_normal((n_items, dim)))
    return out


def permuted_vectors(vectors: np.ndarray, seed: int = 0) -> np.ndarray:
    """Rows 1..I permuted among items: the geometry is preserved, the assignment to items is random."""
    order = named_rng(seed, "permuted item vectors").permutation(len(vectors) - 1)
    return np.concatenate([vectors[:1], vectors[1:][order]])
