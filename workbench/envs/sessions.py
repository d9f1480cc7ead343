"""Sessions: one item at a time is shown to a user, who clicks or not, tires of repeats, leaves, and returns.

After the long-term simulators of KuaiSim (Zhao et al., NeurIPS 2023) and LERL, made so small that its best policy can
be computed (session_optimum). Two rewards: a click now, and at the end whether the user comes back the next day. Clicks
are likeliest in the category that the user likes best and on bait, items that are clicked and regretted; to show only
these wears out patience, and with it the session and the return.
"""
from typing import NamedTuple

import numpy as np
from gymnasium import spaces

from workbench.envs.streams import uniform
from workbench.errors import UserError

WINDOW = 3  # steps for which a category that was shown tires
NONE = -1  # no category


class Observation(NamedTuple):
    """step: (B,) steps so far. profile: (B, C) float32, what is known of the user: shares of the categories in their
    history. shown: (B, T) item ids so far, then 0. clicked: (B, T) int8. rewards: (B, 2) float32 of the last step, now
    and long-term. episodes: (B,) their numbers."""

    step: np.ndarray
    profile: np.ndarray
    shown: np.ndarray
    clicked: np.ndarray
    rewards: np.ndarray
    episodes: np.ndarray


class Rules(NamedTuple):
    """patience: what a user has at first; most: what it may grow to. horizon: steps T. tiring: the share of the chance
    of a click that is lost for each of the last WINDOW steps with the same category. value: clicks that a return is
    worth."""

    patience: int = 6
    most: int = 20
    horizon: int = 20
    tiring: float = 0.2
    value: float = 5.0


RULES = Rules()


class SessionWorld:
    """A `verb_interfaces.World`: an episode is a session of one of n users; an action (B,) is an item, 1..I.

    categories: (I+1,) of each item, 0..C-1. bait: (I+1,) bool. appeal: (I+1,), taste: (n, C): how good an item is, and
    how much a user likes a category, in logits of a click. Rows 0 are not read. profiles: (n, C), what policies know of
    users.
    The chance of a click is sigmoid(taste + appeal) (1 - tiring)^k, k how often the category was shown in the last
    WINDOW steps. Patience falls by k, and by 1 for bait; where neither is so, it rises by 1. The session is over when
    it is out, and then the user does not return, or after T steps: they return with a chance of patience left / most.
    The reward is click + value * return. UserError for numbers out of range, or tastes that are not finite.
    """

    measures = ("clicks", "returns", "length")

    def __init__(
        self, categories: np.ndarray, appeal: np.ndarray, bait: np.ndarray, taste: np.ndarray, profiles: np.ndarray,
        rules: Rules = RULES,
    ):  # fmt: skip
        check_rules(rules)
        self.categories, self.appeal = np.asarray(categories, np.int64), np.asarray(appeal, float)
        self.bait = np.asarray(bait, np.int64)
        self.taste, self.profiles = np.asarray(taste, float), np.asarray(profiles, np.float32)
        self.n, self.n_categories = self.taste.shape
        if self.n < 1 or self.n_categories < 2:
            raise UserError(f"sessions need a user and two categories of items or more; given {self.n:,} users and "
                            f"{self.n_categories} categories")  # fmt: skip
        if not all(np.isfinite(array).all() for array in (self.appeal, self.taste, self.profiles)):
            raise UserError("the appeal of an item, a taste or a profile is not a finite number")
        own = self.categories[1:]
        if not len(own) or own.min() < 0 or own.max() >= self.n_categories:
            raise UserError(f"the category of an item is outside 0 to {self.n_categories - 1}, or there is no item")
        self.rules, self.horizon, items = rules, rules.horizon, len(self.categories)
        self.action_space = spaces.Discrete(items - 1, start=1)
        T, low, high = self.horizon, float(self.profiles.min()), float(self.profiles.max())
        self.observation_space = spaces.Dict({
            "step": spaces.Discrete(T + 1), "profile": spaces.Box(low, high, (self.n_categories,), np.float32),
            "shown": spaces.MultiDiscrete([items] * T), "clicked": spaces.Box(0, 1, (T,), np.int8),
            "rewards": spaces.Box(0, 1, (2,), np.float32), "episodes": spaces.Discrete(self.n),
        })  # fmt: skip

    def reset(self, episodes: np.ndarray, *, seed: int) -> Observation:
        """The first observation: nothing was shown."""
        B, T = len(episodes), self.horizon
        self.seed, self.episodes, self.step_number = seed, np.asarray(episodes), 0
        self.left, self.length = np.full(B, self.rules.patience), np.zeros(B, np.int64)
        self.recent = np.full((B, WINDOW), NONE)
        self.shown, self.clicked = np.zeros((B, T), np.int64), np.zeros((B, T), np.int8)
        self.rewards, self.returned = np.zeros((B, 2), np.float32), np.zeros(B)
        return self._observation()

    def step(self, actions: np.ndarray) -> tuple[Observation, np.ndarray, np.ndarray]:
        """As `verb_interfaces.World.step`."""
        actions = self._checked(actions)
        active = ~self._over()
        rows, items = np.flatnonzero(active), actions[active]
        repeats, chance = self._chance(rows, items)
        luck = uniform(self.seed, "session", self.step_number, self.episodes[rows], 2)
        self.rewards[:] = 0
        if self.step_number < self.horizon:
            click = luck[:, 0] < chance
            self.shown[rows, self.step_number], self.clicked[rows, self.step_number] = items, click
            self.rewards[rows, 0] = click
        self.left[rows] = patience_after(self.left[rows], repeats + self.bait[items], self.rules.most)
        self.recent[rows] = np.column_stack([self.recent[rows, 1:], self.categories[items]])
        self.length[rows] += 1
        self.step_number += 1
        ends = self._over()[rows]
        self.returned[rows] = ends & (luck[:, 1] < self.left[rows] / self.rules.most)
        self.rewards[rows, 1] = self.returned[rows]
        return self._observation(), self.rewards @ np.array([1.0, self.rules.value]), self._over()

    def measure(self) -> dict[str, np.ndarray]:
        """As `verb_interfaces.World.measure`: clicks of a session, whether the user returns, and steps."""
        return {"clicks": self.clicked.sum(axis=1).astype(float), "returns": self.returned.copy(),
                "length": self.length.astype(float)}  # fmt: skip

    def _chance(self, rows: np.ndarray, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(b,) repeats of the category in the window, and (b,) chance of a click."""
        category = self.categories[items]
        repeats = (self.recent[rows] == category[:, None]).sum(axis=1)
        liked = click_chance(self.taste[self.episodes[rows], category] + self.appeal[items])
        return repeats, liked * (1 - self.rules.tiring) ** repeats

    def _over(self) -> np.ndarray:
        return (self.left <= 0) | (self.length >= self.horizon)

    def _checked(self, actions: np.ndarray) -> np.ndarray:
        actions, shape = np.asarray(actions), (len(self.episodes),)
        if actions.shape != shape or actions.dtype.kind not in "iu":
            raise UserError(f"actions are integers {shape}, an item each; given {actions.shape} {actions.dtype}")
        if len(actions) and (actions.min() < 1 or actions.max() >= len(self.categories)):
            raise UserError(f"an action is outside the set of items, 1 to {len(self.categories) - 1:,}; given "
                            f"{actions.min()} to {actions.max():,}")  # fmt: skip
        return actions

    def _observation(self) -> Observation:
        step = np.full(len(self.episodes), self.step_number)
        return Observation(np.minimum(step, self.horizon), self.profiles[self.episodes], self.shown.copy(),
                           self.clicked.copy(), self.rewards.copy(), self.episodes)  # fmt: skip


def check_rules(rules: Rules) -> None:
    """UserError for a rule out of range; a session without an end is one."""
    patience, most, horizon, tiring, value = rules
    if not 1 <= patience <= most or not 1 <= horizon <= 1_000 or not 0 <= tiring <= 1 or not 0 <= value < np.inf:
        raise UserError(f"sessions: {patience=} is from 1 to {most=}, {horizon=} from 1 to 1,000 steps, {tiring=} a "
                        f"share from 0 to 1, {value=} a finite number of clicks, 0 or more")  # fmt: skip


def patience_after(left: np.ndarray, costs: np.ndarray, most: int) -> np.ndarray:
    """Patience after an item that costs so much of it: how often its category was shown in the window, + 1 for bait."""
    return np.where(costs > 0, np.maximum(left - costs, 0), np.minimum(left + 1, most))


def click_chance(logits: np.ndarray) -> np.ndarray:
    """The logistic function."""
    return 1 / (1 + np.exp(-np.clip(logits, -50, 50)))
