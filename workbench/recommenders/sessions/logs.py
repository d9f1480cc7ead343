"""Logged sessions to learn from: a behaviour policy plays those of train, and what it did and got is kept."""
from typing import NamedTuple

import numpy as np

from workbench.envs.sessions import Observation
from workbench.envs.streams import uniform
from workbench.recommenders.sessions.features import drawn, features, recent_counts
from workbench.recommenders.sessions.worlds import SessionWorlds


class Trajectories(NamedTuple):
    """n sessions of at most T steps. states: (n, T, F) float32. items: (n, T) int64, 0 after the end. rewards: (n, T,
    2) float32, now and long-term. lengths: (n,)."""

    states: np.ndarray
    items: np.ndarray
    rewards: np.ndarray
    lengths: np.ndarray


class Behaviour:
    """Who showed the logged items: of a category by the profile, an item by its popularity. A session has a habit from
    0, no category that was shown lately, to 1, any: so the same user has good and bad sessions in the log."""

    def __init__(self, worlds: SessionWorlds, seed: int):
        self.categories, self.seed = worlds.categories, seed
        weights = np.exp(worlds.popularity - worlds.popularity.max())
        weights[0] = 0
        self.weights = (np.arange(worlds.n_categories)[:, None] == worlds.categories) * weights  # (C, I+1)

    def act(self, observation: Observation) -> np.ndarray:
        """(B,) items."""
        step = int(observation.step[0])
        habit = uniform(self.seed, "habit", 0, observation.episodes)[:, 0]
        any_of_them = uniform(self.seed, "careless", step, observation.episodes)[:, 0] < habit
        fresh = np.where(recent_counts(observation, self.categories) == 0, 1.0, 1e-9)
        liked = observation.profile.astype(float)
        chosen = drawn(np.where(any_of_them[:, None], liked**2, liked * fresh), "category", observation, self.seed)
        return drawn(self.weights[chosen], "item", observation, self.seed)


def collect(worlds: SessionWorlds, seed: int, passes: int = 1) -> Trajectories:
    """Sessions of every user of train, `passes` of each."""
    world = worlds.world("train")
    parts = [_play(worlds, world, seed + 1_000_003 * each) for each in range(passes)]
    return Trajectories(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _play(worlds: SessionWorlds, world, seed: int) -> Trajectories:
    behaviour, states, rewards = Behaviour(worlds, seed), [], []
    seen, over = world.reset(np.arange(world.n), seed=seed), np.zeros(world.n, bool)
    for _ in range(world.horizon):
        states.append(features(seen, worlds.categories))
        seen, _, over = world.step(behaviour.act(seen))
        rewards.append(seen.rewards)
    return Trajectories(np.stack(states, 1), seen.shown, np.stack(rewards, 1), (seen.shown > 0).sum(axis=1))
