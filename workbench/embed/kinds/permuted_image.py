"""Control: the vectors of pictures (kind image), permuted among items."""
import numpy as np

from workbench.data import Dataset, Split
from workbench.embed.features import feature_vectors
from workbench.embed.kinds.permuted import permuted_vectors

READS = "features"


def vectors(dataset: Dataset, split: Split, *, dim: int, seed: int, model: str) -> np.ndarray:
    """(I+1, F) float32. UserError as of the kind that is permuted."""
    return permuted_vectors(feature_vectors(dataset, "image"), seed)
