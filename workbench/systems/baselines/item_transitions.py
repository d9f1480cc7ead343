"""Item transitions: scores items by how often they followed the most recent items in train, weighted by distance.

Paper     None; a first-order Markov chain extended to a window, as a baseline for sequential recommenders.
Idea      T_ij = sum of gap**-.5 over train pairs at gap <= 20, rows divided by their sum + 200; a score is the sum over
          the history of .5**age * T, with popularity x 1e-9 to break ties.
Claim     Stands for order without training: where events are sequential, what follows what ranks better than
          similarities that ignore which item came first (item_knn). Sequential networks must beat it.
Differs   Settings chosen on Beauty's validation set, leave-one-out, not masked, and kept for all datasets: the best of
          279 in two grids, over window (5 to 20), gap_decay (0 to 2), last (5, 10, all), decay (.3 to .7) and shrinkage
          (0 to 500); reports/results/tune_item_transitions.py.
Reported  NDCG@10 .0510, Recall@10 .0834 on Beauty (S3-Rec file order), leave-one-out, full ranking, history not
          masked; .0543 / .0862 masked.
"""
from typing import Any

import numpy as np
from scipy.sparse import diags

from workbench.data import Histories
from workbench.data.graph import transitions, user_item_matrix
from workbench.evaluate.sparse_top_k import SparseScores
from workbench.recommenders.count_based import CountBased, ScoreFunction, Statistics
from workbench.train.recipe import Recipe

PARENT = OFF = PLACEBO = None
RECIPE = Recipe()


def build(
    bench: Any, *, window: int = 20, gap_decay: float = 0.5, last: int = 0, decay: float = 0.5, shrinkage: float = 200.0
) -> CountBased:
    """The item-transition recommender, before fit.

    window: the largest gap that counts as a transition, weighted gap**-gap_decay. last: number of most recent events
    used, 0 for all, weighted decay**age. shrinkage: added to each row sum, which shrinks the scores from rare items.
    """
    return CountBased(
        compute_statistics=lambda split: {
            "transitions": transitions(split.train, split.n_items, window=window, decay=gap_decay),
            "counts": split.train_counts(),
        },
        make_scorer=lambda statistics: _scorer(statistics, last, decay, shrinkage),
    )


def _scorer(statistics: Statistics, last: int, decay: float, shrinkage: float) -> ScoreFunction:
    weights = statistics["transitions"]
    total = np.asarray(weights.sum(axis=1))[:, 0] + shrinkage
    probabilities = diags(np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)) @ weights
    popularity = statistics["counts"] * 1e-9

    def score(histories: Histories) -> SparseScores:
        rows = user_item_matrix(histories, weights.shape[0] - 1, last=last, decay=decay) @ probabilities
        return SparseScores(rows, popularity)

    return score
