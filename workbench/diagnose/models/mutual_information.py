"""Mutual information between code prefixes and categories, in bits and adjusted for chance."""
import warnings

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_mutual_info_score

from workbench.diagnose.models.codes import DRAWS, encode_labels, entropy
from workbench.tokens import ItemCodes
from workbench.train.rng import named_rng

MOST = 100_000_000  # pairs of groups: for more the expectation under permutation takes minutes


def prefix_mutual_information(codes: ItemCodes, labels: np.ndarray, *, draws: int = DRAWS,
                              seed: int = 0) -> pd.DataFrame:
    """Mutual information I(label; prefix), one row per level: bits; share of H(label); chance, the share with permuted
    labels (small prefixes are informative about any label); and above_chance, (share - chance) / (1 - chance).

    labels: (I+1,) names, "" for none; items without a label are excluded.
    """
    label = encode_labels(labels)
    labelled = np.flatnonzero(label >= 0)
    rng, label_entropy = named_rng(seed, "label permutations"), entropy(np.bincount(label[labelled]))
    permuted = [rng.permutation(label[labelled]) for _ in range(draws)]
    rows = []
    for depth in range(1, codes.levels + 1):
        node = codes.trie.node[labelled, depth].astype(np.int64)
        bits = mutual_information(node, label[labelled])
        null = np.mean([mutual_information(node, each) for each in permuted])
        share, chance = (value / max(label_entropy, 1e-12) for value in (bits, null))
        above_chance = (share - chance) / max(1 - chance, 1e-12)
        rows.append({"bits": bits, "share": share, "chance": chance, "above_chance": above_chance})
    return pd.DataFrame(rows, index=pd.RangeIndex(1, codes.levels + 1, name="level"))


def mutual_information(a: np.ndarray, b: np.ndarray) -> float:
    """Mutual information in bits of two columns of nonnegative integers (n,).

    >>> mutual_information(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 2]))
    1.0
    >>> mutual_information(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    0.0
    """
    both = np.unique(a * (b.max() + 1) + b, return_counts=True)[1]
    return entropy(np.bincount(a)) + entropy(np.bincount(b)) - entropy(both)


def prefix_agreement(codes: ItemCodes, labels: np.ndarray) -> list[float]:
    """Adjusted mutual information (AMI) of labels and prefixes, by length of the prefix: 0 by chance however many
    prefixes there are, 1 if both group the items alike; nan as in `agreement`.

    labels: (I+1,) names, "" for none; items without a label are excluded.
    """
    label = encode_labels(labels)
    labelled = np.flatnonzero(label >= 0)
    return [agreement(codes.trie.node[labelled, depth], label[labelled]) for depth in range(1, codes.levels + 1)]


def agreement(a: np.ndarray, b: np.ndarray) -> float:
    """AMI of two groupings (n,), given as numbers; nan for more than MOST pairs of groups.

    >>> agreement(np.array([0, 0, 1, 1]), np.array([5, 5, 2, 2]))
    1.0
    """
    if len(np.unique(a)) * len(np.unique(b)) > MOST:
        return np.nan
    with warnings.catch_warnings():  # of sklearn, that there are many groups: long prefixes are nearly one per item
        warnings.simplefilter("ignore", UserWarning)
        return float(adjusted_mutual_info_score(a, b))
