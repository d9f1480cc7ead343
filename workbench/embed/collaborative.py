"""What the company an item keeps says: vectors from train histories alone."""
import numpy as np
from scipy import sparse

from workbench.data import Split
from workbench.embed.spectrum import leading


def cooccurrence(split: Split, dim: int = 64, seed: int = 0, *, window: int = 5) -> np.ndarray:
    """(I+1, dim) float32: positive pointwise mutual information of items within `window` steps, reduced, unit rows.

    A pair g steps apart counts 1/g; contexts are smoothed by the power 0.75 (Levy, Goldberg and Dagan 2015, 3.2).
    Reads `split.train` and nothing else; an item not in train has a zero row.
    """
    items, rows = split.train.items.astype(np.int64) - 1, split.train.rows()
    n = split.n_items
    pairs = sparse.csr_matrix((n, n), dtype=np.float64)
    for gap in range(1, window + 1):
        same = rows[gap:] == rows[:-gap]
        a, b = items[:-gap][same], items[gap:][same]
        pairs = pairs + sparse.csr_matrix((np.full(len(a), 1 / gap), (a, b)), shape=(n, n))
    pairs = (pairs + pairs.T).tocoo()
    item, context = np.asarray(pairs.sum(axis=1)).ravel(), np.asarray(pairs.sum(axis=0)).ravel() ** 0.75
    with np.errstate(divide="ignore"):
        pmi = np.log(pairs.data * context.sum() / (item[pairs.row] * context[pairs.col]))
    positive = pmi > 0
    ppmi = sparse.csr_matrix((pmi[positive], (pairs.row[positive], pairs.col[positive])), shape=(n, n))
    return leading(ppmi, dim, seed)
