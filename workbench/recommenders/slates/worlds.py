"""The slates of a bench: whose episodes they are, and what its users like."""
from typing import Any

import numpy as np
import pandas as pd

from workbench.data import Dataset
from workbench.envs.slates import SlateWorld
from workbench.envs.tastes import Tastes, from_log, planted
from workbench.errors import UserError, unknown_name
from workbench.train import named_rng

SOURCES = ("log", "planted")
SHARES = {"train": (0.0, 0.5), "valid": (0.5, 0.75), "test": (0.75, 1.0)}  # of the users, in an order drawn once


class SlateWorlds:
    """The worlds of train, validation and test of a bench: users that differ, half, a quarter and a quarter of them,
    so that nothing is known of a user of test when the episode begins. k, horizon, fatigue: see `SlateWorld`.

    tastes: "log", what its users like is factors of its train log (a simulation: nobody was shown these slates), or
    "planted", drawn around the categories of its items. Both, and who is in which part, are the same for every seed of
    training. UserError for another name.
    """

    def __init__(self, bench: Any, *, tastes: str = "log", k: int = 5, horizon: int = 20, fatigue: float = 0.15):
        if tastes not in SOURCES:
            raise unknown_name("tastes of a world of slates", tastes, SOURCES)
        if not 1 <= k <= bench.split.n_items:
            raise UserError(f"a slate has 1 to {bench.split.n_items:,} items; given {k=}")
        self.bench, self.source, self.k = bench, tastes, k
        self.options = {"k": k, "horizon": horizon, "fatigue": fatigue}
        self._tastes: Tastes | None = None
        self._made: dict[str, SlateWorld] = {}

    def world(self, part: str) -> SlateWorld:
        """As `verb_interfaces.Policy.world`."""
        if part not in self._made:
            self._made[part] = SlateWorld(self.tastes, self.users(part), **self.options)
        return self._made[part]

    @property
    def tastes(self) -> Tastes:
        """What is hidden; its categories alone are for a policy to see."""
        if self._tastes is None:
            split, category = self.bench.split, item_groups(self.bench.dataset)
            found = from_log(split.train, split.n_users, split.n_items, category)
            self._tastes = found if self.source == "log" else planted(split.n_users, found.category)
        return self._tastes

    def users(self, part: str) -> np.ndarray:
        """(n,) of a part of the split; in validation and test those that have a case there."""
        split = self.bench.split
        order, (start, end) = named_rng(0, "slates", "users").permutation(split.n_users), SHARES[part]
        chosen = np.sort(order[round(start * len(order)) : round(end * len(order))])
        if part == "train":
            return chosen
        cases = split.valid if part == "valid" else split.test
        return np.intersect1d(chosen, cases.histories.users)


def item_groups(dataset: Dataset) -> np.ndarray | None:
    """(I+1,) the category of each item, the first one of several; items without are one group. None where the dataset
    has no categories."""
    if "category" not in dataset.items:
        return None
    names = dataset.items["category"].astype("string").fillna("").str.split("|").str[0].str.strip()
    return np.concatenate([[0], pd.factorize(names, sort=True)[0]])
