"""PPMI-SVD: positive pointwise mutual information of train co-occurrence and truncated SVD."""
import numpy as np
from scipy import sparse

from workbench.data import Dataset, Split
from workbench.data.graph import transitions
from workbench.embed.svd import truncated_svd

READS = "train"


def vectors(dataset: Dataset, split: Split, *, dim: int, seed: int, model: str) -> np.ndarray:
    """(I+1, dim) float32 unit rows, from `split.train` only."""
    return ppmi_svd(split, dim, seed)


def ppmi_svd(split: Split, dim: int = 64, seed: int = 0, *, window: int = 5) -> np.ndarray:
    """(I+1, dim) float32 unit rows: truncated SVD of the positive PMI of items within `window` steps.

    A pair g steps apart has weight 1/g; context counts are smoothed by the power 0.75 (Levy, Goldberg and Dagan 2015,
    section 3.2). Reads `split.train` only; an item that is not in train has a zero row.
    """
    n = split.n_items
    directed = transitions(split.train, n, window=window)[1:, 1:]
    pairs = (directed + directed.T).tocoo()
    item, context = np.asarray(pairs.sum(axis=1)).ravel(), np.asarray(pairs.sum(axis=0)).ravel() ** 0.75
    with np.errstate(divide="ignore"):
        pmi = np.log(pairs.data * context.sum() / (item[pairs.row] * context[pairs.col]))
    positive = pmi > 0
    ppmi = sparse.csr_matrix((pmi[positive], (pairs.row[positive], pairs.col[positive])), shape=(n, n))
    return truncated_svd(ppmi, dim, seed)
