"""Item-kNN: scores items by the cosine similarity of their users to the users of the history's items.

Paper     Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001; shrinkage as in
          Bell and Koren, "Scalable collaborative filtering with jointly derived neighborhood interpolation", ICDM 2007.
Idea      s_ij = c_ij / (sqrt(c_ii c_jj) + shrinkage) from co-occurrence counts of users; each item keeps its nearest
          neighbours; a score is the sum over the history.
Claim     Similarity to the items of a history ranks better than popularity. The paper's own claim, that ratings are
          predicted better than from similar users, is not tested here.
Differs   Implicit feedback, not ratings. Older events weigh less (decay; 1 is the paper's unweighted set of items),
          which matters much in sequential data; repeats in a history add up. Of a train history of more than 5,000
          events the last 1,000 count. Popularity x 1e-9 breaks ties. Shrinkage and decay were chosen among a few
          values on Beauty's validation set.
Reported  Nothing comparable in the paper (rating prediction). Decayed co-occurrence, Beauty, leave-one-out, full
          ranking, history masked: NDCG@10 .0447, Recall@10 .0729.
"""
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, vstack

from workbench.data import Histories
from workbench.data.graph import binary_user_items, shortened, top_k_per_row, user_item_matrix
from workbench.evaluate.sparse_top_k import SparseScores
from workbench.recommenders.count_based import CountBased, ScoreFunction, Statistics
from workbench.train.recipe import Recipe

PARENT = OFF = PLACEBO = None
RECIPE = Recipe()
ROWS = 2048  # items processed at a time, each with all items that it co-occurs with


def build(
    bench: Any, *, neighbours: int = 200, shrinkage: float = 20.0, last: int = 0, decay: float = 0.5
) -> CountBased:
    """The item-kNN recommender, before fit.

    neighbours: kept per item. shrinkage: >= 0, lowers similarities that rest on few users. last: number of most recent
    events used, 0 for all, weighted decay**age.
    """
    return CountBased(
        compute_statistics=lambda split: {
            "nearest": nearest_neighbours(split.train, split.n_items, shrinkage, neighbours),
            "counts": split.train_counts(),
        },
        make_scorer=lambda statistics: _scorer(statistics, last, decay),
    )


def nearest_neighbours(train: Histories, n_items: int, shrinkage: float, n: int) -> csr_matrix:
    """(I+1, I+1) float64: the n largest shrunk cosine similarities of each item, from co-occurrence counts; an item is
    not its own neighbour."""
    seen = binary_user_items(shortened(train, "item_knn"), n_items)
    users_of, norm = seen.T.tocsr(), np.sqrt(np.asarray(seen.sum(axis=0)).ravel())
    blocks = []
    for start in range(0, n_items + 1, ROWS):
        similarity = users_of[start : start + ROWS] @ seen
        similarity.sort_indices()
        rows = start + np.repeat(np.arange(similarity.shape[0]), np.diff(similarity.indptr))
        similarity.data /= norm[rows] * norm[similarity.indices] + shrinkage
        similarity.data[rows == similarity.indices] = 0
        blocks.append(top_k_per_row(similarity, n))
    return vstack(blocks, format="csr")


def _scorer(statistics: Statistics, last: int, decay: float) -> ScoreFunction:
    nearest, popularity = statistics["nearest"], statistics["counts"] * 1e-9

    def score(histories: Histories) -> SparseScores:
        rows = user_item_matrix(histories, nearest.shape[0] - 1, last=last, decay=decay) @ nearest
        return SparseScores(rows, popularity)

    return score
