"""Popularity: recommends the items with the most train events to every user.

Paper     None; the simplest baseline.
Idea      The same list for every user, ranked by train count.
Claim     Stands for one list for all users: every recommender that reads histories must rank better.
Differs   Counts come from train only; ties go to the lower item id, in the order of a seeded hash.
Reported  NDCG@10 .0053-.0055 on Beauty (5-core 2014), leave-one-out, full ranking; used to validate our loader.
"""
from typing import Any

import numpy as np

from workbench.recommenders.count_based import CountBased
from workbench.train.recipe import Recipe

PARENT = OFF = PLACEBO = None
RECIPE = Recipe()


def build(bench: Any) -> CountBased:
    """The popularity recommender, before fit."""
    return CountBased(
        compute_statistics=lambda split: {"counts": split.train_counts()},
        make_scorer=lambda statistics: lambda histories: np.tile(
            statistics["counts"].astype(np.float64), (len(histories), 1)
        ),
    )
