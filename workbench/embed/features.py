"""Item vectors from dense features that a dataset brings as a table, such as those of pictures."""
import numpy as np

from workbench.data.formats.attributes.feature_arrays import features_of_items
from workbench.data.schema import Dataset
from workbench.embed.svd import l2_normalize


def feature_vectors(dataset: Dataset, name: str) -> np.ndarray:
    """(I+1, F) float32 unit rows: the features of the table of this name, each less its mean over the items; zero rows
    for items without features. Less the mean, because published features share a large constant part: without it all
    cosines are near 1.

    As they were published the features are in dataset.tables. UserError as `features_of_items`.
    """
    features = features_of_items(dataset, name).astype(np.float64)
    known = features.any(axis=1)
    features[known] -= features[known].mean(axis=0) if known.any() else 0
    return l2_normalize(features).astype(np.float32)
