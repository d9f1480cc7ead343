"""Item k-nearest neighbours: items liked by the same people as yours, by cosine.

Paper     Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001; shrinkage as in
          Bell and Koren, "Scalable collaborative filtering with jointly derived neighborhood interpolation", ICDM 2007.
Idea      s_ij = c_ij / (sqrt(c_ii c_jj) + shrinkage) from who has both; each item keeps its nearest neighbours; a score
          is the sum over the history.
Differs   Implicit feedback, not ratings. A history may fade with age (decay; 1 is the paper's set of items), which is
          worth much in sequential data; repeats in a history add up. Popularity x 1e-9 settles ties. Shrinkage and
          decay were chosen among a few values on Beauty's validation items.
Reported  Nothing comparable in the paper (rating prediction). Decayed co-occurrence, Beauty, leave-one-out, full
          ranking, history masked: NDCG@10 .0447, Recall@10 .0729.
"""
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, vstack

from workbench.data import Histories
from workbench.data.graph import item_sets, strongest, user_items
from workbench.recommenders.count_based import Learned, Scored, ScoreRows
from workbench.train.recipe import Recipe

PARENT = OFF = PLACEBO = None
RECIPE = Recipe()
ROWS = 2048  # items at a time: all that share a person with them are held at once


def build(bench: Any, *, neighbours: int = 200, shrinkage: float = 20.0, last: int = 0, decay: float = 0.5) -> Scored:
    """Item-kNN, ready to count.

    neighbours: kept for each item. shrinkage: >= 0, damps pairs that few people share. last: events of a history that
    are read, 0 for all, weighted decay**age.
    """
    return Scored(
        learn=lambda split: {
            "nearest": nearest(split.train, split.n_items, shrinkage, neighbours),
            "counts": split.train_counts(),
        },
        scorer=lambda learned: _scorer(learned, last, decay),
    )


def nearest(train: Histories, n_items: int, shrinkage: float, n: int) -> csr_matrix:
    """(I+1, I+1) float64: the n largest shrunken cosines of each item, from how many people have both; an item is no
    neighbour of itself."""
    seen = item_sets(train, n_items)
    has, norm = seen.T.tocsr(), np.sqrt(np.asarray(seen.sum(axis=0)).ravel())
    blocks = []
    for start in range(0, n_items + 1, ROWS):
        together = has[start : start + ROWS] @ seen
        together.sort_indices()
        rows = start + np.repeat(np.arange(together.shape[0]), np.diff(together.indptr))
        together.data /= norm[rows] * norm[together.indices] + shrinkage
        together.data[rows == together.indices] = 0
        blocks.append(strongest(together, n))
    return vstack(blocks, format="csr")


def _scorer(learned: Learned, last: int, decay: float) -> ScoreRows:
    near, ties = learned["nearest"], learned["counts"] * 1e-9

    def score(histories: Histories) -> np.ndarray:
        rows = user_items(histories, near.shape[0] - 1, last=last, decay=decay) @ near
        return np.add(rows.toarray(), ties)

    return score
