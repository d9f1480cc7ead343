"""Slates: a policy shows k items at a time, and the user clicks one of them or none.

The click model is a softmax over the shown slate and a no-click outcome whose logit grows with the length of the slate,
as in Eide et al., "FINN.no slates dataset", RecSys 2021 (arXiv:2111.03340); a place further down costs, and a category
that was shown lately tires. What the user likes is hidden, so the best slate of a step is known to the world alone.
"""
from typing import NamedTuple

import numpy as np
from gymnasium import spaces

from workbench.envs.streams import uniform
from workbench.envs.tastes import Tastes
from workbench.errors import UserError


class Observation(NamedTuple):
    """step: (B,) from 0. shown: (B, k) items of the last slate, 0 for an empty slot and before the first. clicked: (B,)
    the slot that was clicked, from 1, 0 for none. user: (B,) their numbers. category: (B, I+1) of the items, one and
    the same row. episodes: (B,) their numbers."""

    step: np.ndarray
    shown: np.ndarray
    clicked: np.ndarray
    user: np.ndarray
    category: np.ndarray
    episodes: np.ndarray


class SlateWorld:
    """A `verb_interfaces.World`: an episode of `horizon` slates for each of n users.

    tastes: hidden, see envs/tastes.py. users: (n,) the user of each episode. k: slots of a slate. no_click: logit of no
    click, to which length * log(items in the slate) is added. position: an item in slot j loses position * log(j).
    fatigue: what an item loses for every item of its category that was shown, of which `memory` is left a step later.

    An action (k,) holds items 1..I, 0 for an empty slot; an item that is shown twice counts at its first slot. A click
    is a reward of 1. measures: clicks; regret, the sum over steps of the chance of a click on the best slate of that
    step less that of the one shown, in the state to which the shown ones led; diversity, the categories in a slate.
    UserError for settings out of range, tastes that are not finite, or users that there are not.
    """

    measures = ("clicks", "regret", "diversity")

    def __init__(
        self, tastes: Tastes, users: np.ndarray, *, k: int = 5, horizon: int = 20, no_click: float = 3.0,
        length: float = 0.3, position: float = 0.5, fatigue: float = 0.15, memory: float = 0.7,
    ):  # fmt: skip
        self.hidden, n_items = tastes, len(tastes.items) - 1
        if not 1 <= k <= n_items or horizon < 1:
            raise UserError(f"a slate has 1 to {n_items:,} items, an episode 1 step or more; given {k=}, {horizon=}")
        if not np.isfinite(no_click) or min(length, position, fatigue, memory) < 0 or memory >= 1:
            raise UserError(f"{no_click=} is a number, {length=}, {position=} and {fatigue=} are 0 or more, {memory=} "
                            "from 0 to below 1")  # fmt: skip
        if not all(np.isfinite(array).all() for array in tastes):
            raise UserError("the tastes of a world of slates hold a number that is not finite")
        users = np.asarray(users, np.int64)
        if not len(users) or users.min() < 0 or users.max() >= len(tastes.users):
            raise UserError(f"a world of slates needs users from 0 to {len(tastes.users) - 1:,}; given {len(users):,}")
        self.users, self.category, self.n, self.horizon, self.k = users, tastes.category, len(users), horizon, k
        self.fatigue, self.memory, self.n_categories = fatigue, memory, int(tastes.category.max()) + 1
        self.places = -position * np.log(np.arange(1, k + 1))
        self.none = np.concatenate([[np.inf], no_click + length * np.log(np.arange(1, k + 1))])  # by items in the slate
        self.action_space = spaces.MultiDiscrete([n_items + 1] * k)
        self.observation_space = spaces.Dict({
            "step": spaces.Discrete(horizon + 1), "shown": spaces.MultiDiscrete([n_items + 1] * k),
            "clicked": spaces.Discrete(k + 1), "user": spaces.Discrete(len(tastes.users)),
            "category": spaces.Box(0, self.n_categories - 1, (n_items + 1,), np.int64),
            "episodes": spaces.Discrete(self.n),
        })  # fmt: skip

    def reset(self, episodes: np.ndarray, *, seed: int) -> Observation:
        """The first observation: nothing was shown."""
        self.episodes, self.seed, self.step_number = np.asarray(episodes, np.int64), seed, 0
        B, hidden = len(self.episodes), self.hidden
        self.utility = hidden.users[self.users[self.episodes]] @ hidden.items.T + hidden.quality
        self.tired, (self.leaders, self.leads) = np.zeros((B, self.n_categories)), self._leaders()
        self.shown, self.clicked = np.zeros((B, self.k), np.int64), np.zeros(B, np.int64)
        self.clicks, self.regret, self.categories = np.zeros(B), np.zeros(B), np.zeros(B)
        return self._observation()

    def step(self, actions: np.ndarray) -> tuple[Observation, np.ndarray, np.ndarray]:
        """As `verb_interfaces.World.step`."""
        items = without_repeats(self._checked(actions))
        B = len(items)
        if self.step_number >= self.horizon:
            return self._observation(), np.zeros(B), np.ones(B, bool)
        p = self.chances(items)
        self.regret += self.best() - p.sum(axis=1)
        below = uniform(self.seed, "click", self.step_number, self.episodes) < p.cumsum(axis=1)
        self.clicked = np.where(below[:, -1], below.argmax(axis=1) + 1, 0)
        self.shown, self.step_number = items, self.step_number + 1
        count = np.zeros_like(self.tired)
        np.add.at(count, (np.arange(B)[:, None], self.category[items]), items > 0)
        self.tired = self.memory * self.tired + count
        self.categories += (count > 0).sum(axis=1)
        rewards = (self.clicked > 0).astype(float)
        self.clicks += rewards
        return self._observation(), rewards, np.full(B, self.step_number >= self.horizon)

    def chances(self, items: np.ndarray) -> np.ndarray:
        """(B, k) the chance that each slot of slates (B, k) is clicked now; hidden from a policy."""
        utility = np.take_along_axis(self.utility, items, 1)
        utility -= self.fatigue * np.take_along_axis(self.tired, self.category[items], 1)
        weight = np.where(items > 0, np.exp(utility + self.places), 0)
        return weight / (weight.sum(axis=1, keepdims=True) + np.exp(self.none[(items > 0).sum(axis=1)])[:, None])

    def best(self) -> np.ndarray:
        """(B,) the chance of a click on the best slate of this step, of any length: the items of greatest utility, best
        first, as no place is worth more than the one before it."""
        value = self.leaders - self.fatigue * self.tired[:, self.leads]
        value = -np.sort(-np.partition(value, -self.k, axis=1)[:, -self.k :], axis=1)
        weight = np.exp(value + self.places).cumsum(axis=1)
        return (weight / (weight + np.exp(self.none[1:]))).max(axis=1)

    def _leaders(self) -> tuple[np.ndarray, np.ndarray]:
        """(B, M) the k greatest utilities of each category, M in all, and (M,) their categories: a category tires as a
        whole, so no other item can be in a best slate."""
        order = np.argsort(self.category[1:], kind="stable") + 1
        parts = np.split(order, np.flatnonzero(np.diff(self.category[order])) + 1)
        tops = [np.partition(self.utility[:, part], -min(self.k, len(part)), axis=1)[:, -self.k :] for part in parts]
        leads = np.repeat([self.category[part[0]] for part in parts], [top.shape[1] for top in tops])
        return np.concatenate(tops, axis=1), leads

    def measure(self) -> dict[str, np.ndarray]:
        """As `verb_interfaces.World.measure`."""
        steps = max(1, self.step_number)
        return {"clicks": self.clicks.copy(), "regret": self.regret.copy(), "diversity": self.categories / steps}

    def _checked(self, actions: np.ndarray) -> np.ndarray:
        actions, shape = np.asarray(actions), (len(self.episodes), self.k)
        if actions.shape != shape or actions.dtype.kind not in "iu":
            raise UserError(f"actions are integers {shape}, the items of slates; given {actions.shape} {actions.dtype}")
        if (actions < 0).any() or (actions >= len(self.category)).any():
            raise UserError(f"an action is outside the set: items are 1 to {len(self.category) - 1:,}, 0 is an empty "
                            f"slot; given {actions.min()} to {actions.max():,}")  # fmt: skip
        return actions.astype(np.int64)

    def _observation(self) -> Observation:
        B = len(self.episodes)
        return Observation(np.full(B, self.step_number), self.shown.copy(), self.clicked.copy(),
                           self.users[self.episodes], np.broadcast_to(self.category, (B, len(self.category))),
                           self.episodes)  # fmt: skip


def without_repeats(items: np.ndarray) -> np.ndarray:
    """(B, n) with 0 in the place of every item that stands in the same row before."""
    repeats = np.tril(items[:, :, None] == items[:, None, :], -1).any(axis=2)
    return np.where(repeats, 0, items)
