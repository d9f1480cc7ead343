"""How much of the category codes tell, in bits."""
import numpy as np
import pandas as pd

from workbench.diagnose.models.codes import DRAWS, entropy, numbered
from workbench.tokens import ItemCodes
from workbench.train.rng import stream


def category_information(codes: ItemCodes, labels: np.ndarray, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """I(label; first codes), a row a number of codes: bits, share of H(label), chance, the share that permuted labels
    give (small prefixes tell any label), and above, (share - chance) / (1 - chance).

    labels: (I+1,) names, "" for none; items without one are left out.
    """
    label = numbered(labels)
    known = np.flatnonzero(label >= 0)
    rng, whole = stream(seed, "label permutations"), entropy(np.bincount(label[known]))
    shuffled = [rng.permutation(label[known]) for _ in range(draws)]
    rows = []
    for depth in range(1, codes.levels + 1):
        node = codes.trie.node[known, depth].astype(np.int64)
        bits = mutual(node, label[known])
        share, chance = (b / max(whole, 1e-12) for b in (bits, np.mean([mutual(node, some) for some in shuffled])))
        above = (share - chance) / max(1 - chance, 1e-12)
        rows.append({"bits": bits, "share": share, "chance": chance, "above": above})
    return pd.DataFrame(rows, index=pd.RangeIndex(1, codes.levels + 1, name="level"))


def mutual(a: np.ndarray, b: np.ndarray) -> float:
    """Bits that two columns of whole numbers (n,), 0 or more, tell of each other.

    >>> mutual(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 2])), mutual(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    (1.0, 0.0)
    """
    both = np.unique(a * (b.max() + 1) + b, return_counts=True)[1]
    return entropy(np.bincount(a)) + entropy(np.bincount(b)) - entropy(both)
