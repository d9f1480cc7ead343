"""The base of an unlearning on what is left of train."""
from typing import Any

import numpy as np

from workbench.errors import UserError
from workbench.interfaces import Recommender
from workbench.recommenders.vector import VectorRecommender


def left_of(bench: Any, rows: np.ndarray) -> Any:
    """The bench without events (n,) of train, or itself where there are none."""
    keep = ~np.isin(np.arange(len(bench.split.train.items)), rows)
    return bench if keep.all() else bench.variant(train=keep, label="retained")


def untrained(bench: Any, base: str) -> Recommender:
    """The base before fit, by the settings that its run on this bench has."""
    return bench.build(base, **bench.plan(base)[0])


def moved(model: Recommender, left: Any, base: str) -> VectorRecommender:
    """A trained base with its weights, built on what is left: a graph of train has lost edges. UserError where weights
    have another shape there, as those of a vocabulary that train decides."""
    moved = untrained(left, base)
    wanted = moved.state()
    for name, value in model.state().items():
        if wanted[name].shape != value.shape:
            raise UserError(f"{base}: {name} is {wanted[name].shape} without what is to be forgotten and "
                            f"{value.shape} with it, so it cannot go on from its weights; use retrain")  # fmt: skip
    moved.load_state(model.state())
    return moved


def check_vectors(bench: Any, system: str, base: str) -> None:
    """UserError unless a base learns vectors by gradients."""
    if not isinstance(untrained(bench, base), VectorRecommender):
        raise UserError(f"{system} goes on training its base by gradients of vectors, which {base} has not; choose one "
                        "such as sasrec, bpr_mf or lightgcn")  # fmt: skip
