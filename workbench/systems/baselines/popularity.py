"""Popularity: what is often in train is recommended to everyone.

Paper     None; the oldest floor of all.
Idea      The same list for every user, by train count.
Differs   Counts come from train only; ties go to the lower id, which is a seeded hash.
Reported  NDCG@10 .0053-.0055 on Beauty (5-core 2014), leave-one-out, full ranking; ours to check loader and metric.
"""
from typing import Any

import numpy as np

from workbench.recommenders.count_based import Scored
from workbench.train.recipe import Recipe

PARENT = OFF = PLACEBO = None
RECIPE = Recipe()


def build(bench: Any) -> Scored:
    """Popularity, ready to count."""
    return Scored(
        learn=lambda split: {"counts": split.train_counts()},
        scorer=lambda learned: lambda histories: np.tile(learned["counts"].astype(np.float64), (len(histories), 1)),
    )
