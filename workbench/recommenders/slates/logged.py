"""Logged slates: what a policy that learns nothing showed, by popularity and chance, and what was clicked."""
from typing import NamedTuple

import numpy as np

from workbench.data import Split
from workbench.envs.slates import SlateWorld
from workbench.envs.streams import uniform
from workbench.evaluate.episodes.rollout import BATCH


class LoggedSlates(NamedTuple):
    """Of n episodes: shown (n, T, k) items, 0 for an empty slot. clicked: (n, T) slots from 1, 0 for none."""

    shown: np.ndarray
    clicked: np.ndarray


def exposure(split: Split) -> np.ndarray:
    """(I+1,) the chance of each item in a slot of a logged slate: in proportion to the root of 1 + its train events."""
    weight = np.sqrt(1.0 + np.bincount(split.train.items, minlength=split.n_items + 1))
    weight[0] = 0
    return weight / weight.sum()


def logged_slates(world: SlateWorld, chance: np.ndarray, *, seed: int = 0) -> LoggedSlates:
    """Every episode of a world, each slot filled by itself: an item that is drawn twice leaves the later slot empty.
    chance: (I+1,)."""
    edges, parts = chance.cumsum(), []
    for start in range(0, world.n, BATCH):
        episodes = np.arange(start, min(start + BATCH, world.n))
        world.reset(episodes, seed=seed)
        seen = []
        for step in range(world.horizon):
            u = uniform(seed, "logged slates", step, episodes, world.k)
            items = np.minimum(np.searchsorted(edges, u * edges[-1], side="right"), len(edges) - 1)
            observation, _, _ = world.step(items)
            seen.append((observation.shown, observation.clicked))
        parts.append([np.stack(arrays, axis=1) for arrays in zip(*seen, strict=True)])
    return LoggedSlates(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
