"""Pictures: the dense features that the dataset has of them, table image; as wide as they are."""
import numpy as np

from workbench.data import Dataset, Split
from workbench.embed.features import feature_vectors

READS = "features"


def vectors(dataset: Dataset, split: Split, *, dim: int, seed: int, model: str) -> np.ndarray:
    """(I+1, F) float32 unit rows; zero rows for items without features. UserError for a dataset without the table."""
    return feature_vectors(dataset, "image")
