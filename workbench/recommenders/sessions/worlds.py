"""The sessions of a bench: its items by category, and users whose tastes are planted from their train events."""
from typing import Any

import numpy as np
import pandas as pd

from workbench.data import Histories
from workbench.data.links.categories import category_names
from workbench.data.schema import Dataset
from workbench.envs.sessions import Rules, SessionWorld, check_rules
from workbench.envs.streams import normal, uniform
from workbench.errors import UserError

MOST = 8  # categories; the rarer ones are one together
SMOOTHING = 2.0  # events of an average user, added to those of each
HIDDEN = 0.5  # standard deviation of what a history does not say of a taste
LEVEL, POPULAR, OWN = -1.5, 0.4, 0.5  # logits of the average item; what log popularity and chance add to them
BAIT, TEMPTING = 0.3, 1.0  # share of the items, and logits of theirs


class SessionWorlds:
    """The worlds of train, validation and test of a bench: an episode for each case, in train for each user.

    A user likes a category by its share among their train events, against that of all users, and by chance; an item is
    appealing by its train events, by chance, and where it is bait, as some are by chance. That chance is the same for
    every seed of a training. Policies know the shares in the history of a case. UserError where the items have fewer
    than two categories.
    """

    def __init__(self, bench: Any, *, temper: int = 6, horizon: int = 20, value: float = 5.0):
        self.bench, self.rules = bench, Rules(temper, max(temper, horizon), horizon, value=value)
        check_rules(self.rules)
        self.names, self.categories = main_categories(bench.dataset)
        self.n_categories = len(self.names)
        counts = np.zeros(bench.split.n_items + 1) + bench.split.train_counts()
        self.popularity = np.log1p(counts)
        own = self.popularity[1:]
        scaled = (self.popularity - own.mean()) / max(own.std(), 1e-9)
        chance = normal(0, "appeal of items", 0, np.arange(len(counts)))[:, 0]
        self.bait = uniform(0, "bait", 0, np.arange(len(counts)))[:, 0] < BAIT
        self.appeal = LEVEL + POPULAR * scaled + OWN * chance + TEMPTING * self.bait
        shares = np.bincount(self.categories[bench.split.train.items], minlength=self.n_categories) + 1.0
        self.shares = shares / shares.sum()
        self._made: dict[str, SessionWorld] = {}

    def world(self, part: str) -> SessionWorld:
        """As `verb_interfaces.Policy.world`."""
        if part not in self._made:
            split, train = self.bench.split, self.bench.split.train
            histories = {"train": train, "valid": split.valid.histories, "test": split.test.histories}[part]
            liked = np.log(self.profiles(train) / self.shares)[histories.users]
            hidden = normal(0, "tastes of users", 0, histories.users, self.n_categories)
            self._made[part] = SessionWorld(
                self.categories, self.appeal, self.bait, liked + HIDDEN * hidden, self.profiles(histories), self.rules
            )
        return self._made[part]

    def profiles(self, histories: Histories) -> np.ndarray:
        """(B, C) shares of the categories in each history, drawn towards those of all users."""
        place = histories.rows() * self.n_categories + self.categories[histories.items]
        counts = np.bincount(place, minlength=len(histories) * self.n_categories).reshape(len(histories), -1)
        smoothed = counts + SMOOTHING * self.shares
        return smoothed / smoothed.sum(axis=1, keepdims=True)


def main_categories(dataset: Dataset, most: int = MOST) -> tuple[list[str], np.ndarray]:
    """(names (C,), (I+1,) of each item): the first category that an item is said to be in, at the top of its path, the
    rarer ones together, 2 <= C <= most. Where all items are in one at the top it is the level below, and so on.
    UserError where no level has two."""
    items = dataset.items
    given = items["category"] if "category" in items else pd.Series("", items.index)
    of_item, texts = pd.factorize(given.astype("string").fillna(""))
    paths = [category_names(text.split("|")[0]) for text in texts]
    for level in range(max((len(path) for path in paths), default=0)):
        names = np.array([path[min(level, len(path) - 1)] for path in paths], dtype=object)[of_item]
        codes, found = pd.factorize(names, sort=True)
        if len(found) > 1:
            break
    else:
        raise UserError(f"{dataset.name}: sessions need items of two categories or more; datasets that have them are "
                        "synthetic, movielens-small, office and kuairand-clicks")  # fmt: skip
    order = np.argsort(-np.bincount(codes), kind="stable")
    kept = order if len(order) <= most else order[: most - 1]
    new = np.full(len(found), len(kept))
    new[kept] = np.arange(len(kept))
    labels = [str(name) or "none" for name in found[kept]] + (["others"] if len(order) > most else [])
    return labels, np.concatenate([[0], new[codes]])
