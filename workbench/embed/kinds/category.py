"""Item categories and brands: TF-IDF of their words and truncated SVD, a second view beside the whole text."""
from dataclasses import replace

import numpy as np

from workbench.data import Dataset, Split
from workbench.embed.text import tfidf_svd
from workbench.errors import UserError

READS = "text"
FIELDS = ("category", "brand")


def vectors(dataset: Dataset, split: Split, *, dim: int, seed: int, model: str) -> np.ndarray:
    """(I+1, dim) float32 unit rows; zero rows for items without either. UserError where no item has one."""
    known = [name for name in FIELDS if name in dataset.items]
    if not known:
        raise UserError(f"{dataset.name} has no {' or '.join(FIELDS)} of items; give another kind of item vectors",
                        code=3)  # fmt: skip
    return tfidf_svd(replace(dataset, items=dataset.items[["raw_id", *known]]), dim, seed)
