"""Item text: TF-IDF and truncated SVD."""
import numpy as np

from workbench.data import Dataset, Split
from workbench.embed.text import tfidf_svd

READS = "text"


def vectors(dataset: Dataset, split: Split, *, dim: int, seed: int, model: str) -> np.ndarray:
    """(I+1, dim) float32 unit rows; zero rows for items without text. UserError where no item has text."""
    return tfidf_svd(dataset, dim, seed)
