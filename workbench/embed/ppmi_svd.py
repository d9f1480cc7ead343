"""What the company an item keeps says: vectors from train histories alone."""
import numpy as np
from scipy import sparse

from workbench.data import Split
from workbench.data.graph import transitions
from workbench.embed.svd import leading


def cooccurrence(split: Split, dim: int = 64, seed: int = 0, *, window: int = 5) -> np.ndarray:
    """(I+1, dim) float32: positive pointwise mutual information of items within `window` steps, reduced, unit rows.

    A pair g steps apart counts 1/g; contexts are smoothed by the power 0.75 (Levy, Goldberg and Dagan 2015, 3.2).
    Reads `split.train` and nothing else; an item not in train has a zero row.
    """
    n = split.n_items
    after = transitions(split.train, n, window=window)[1:, 1:]
    pairs = (after + after.T).tocoo()
    item, context = np.asarray(pairs.sum(axis=1)).ravel(), np.asarray(pairs.sum(axis=0)).ravel() ** 0.75
    with np.errstate(divide="ignore"):
        pmi = np.log(pairs.data * context.sum() / (item[pairs.row] * context[pairs.col]))
    positive = pmi > 0
    ppmi = sparse.csr_matrix((pmi[positive], (pairs.row[positive], pairs.col[positive])), shape=(n, n))
    return leading(ppmi, dim, seed)
