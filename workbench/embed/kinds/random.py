"""Control: random unit vectors."""
import numpy as np

from workbench.data import Dataset, Split
from workbench.embed.svd import l2_normalize
from workbench.train.rng import named_rng

READS = "nothing"


def vectors(dataset: Dataset, split: Split, *, dim: int, seed: int, model: str) -> np.ndarray:
    """(I+1, dim) float32 random unit rows."""
    out = np.zeros((dataset.n_items + 1, dim), np.float32)
    out[1:] = l2_normalize(named_rng(seed, "random item vectors").standard_normal((dataset.n_items, dim)))
    return out
