"""A screen that an assistant watches: at each step it suggests one intent of the user, or stays silent.

After PIRA-Bench (Chai et al., 2026, arXiv:2603.08013): what was suggested in a trajectory is compared with the intents
that it has evidence of. Nothing that the assistant does changes what comes next.
"""
from typing import NamedTuple

import numpy as np
from gymnasium import spaces

from workbench.errors import UserError

SILENT = 0


class Watched(NamedTuple):
    """step: (B,) from 0. screen: (B,) the row of what is shown now, 0 once the trajectory is over. episodes: (B,)."""

    step: np.ndarray
    screen: np.ndarray
    episodes: np.ndarray


class ScreenWorld:
    """A `verb_interfaces.World`: an episode for each of n trajectories.

    screens: (n, T) rows of what is shown, from 1, and 0 after the end. wanted: (n, A+1) bool, the intents of each;
    column 0 is none. An action (B,) is an intent 1..A to suggest, or 0. The first suggestion of an intent that is
    wanted is a reward of 1, of one that is not -1; the same again counts for nothing. measures, of the set of what was
    suggested: precision (1 where nothing was), recall (1 where nothing is wanted), f1 (1 where neither is), and
    false_suggestions, their number: where nothing is wanted, each is a hallucination on noise.
    """

    measures = ("f1", "precision", "recall", "false_suggestions")

    def __init__(self, screens: np.ndarray, wanted: np.ndarray):
        if not len(screens) or len(screens) != len(wanted):
            raise UserError(f"screens of {len(screens)} trajectories, intents of {len(wanted)}; one or more, of each")
        self.screens, self.wanted = np.asarray(screens, np.int64), np.asarray(wanted, bool)
        self.n, self.horizon = self.screens.shape
        self.action_space = spaces.Discrete(self.wanted.shape[1])
        self.observation_space = spaces.Dict({
            "step": spaces.Discrete(self.horizon + 1), "screen": spaces.Discrete(int(self.screens.max()) + 1),
            "episodes": spaces.Discrete(self.n),
        })  # fmt: skip

    def reset(self, episodes: np.ndarray, *, seed: int) -> Watched:
        """The first screen. Nothing here is left to chance, so seed does not matter."""
        self.episodes, self.step_number = np.asarray(episodes, np.int64), 0
        self.suggested = np.zeros((len(self.episodes), self.wanted.shape[1]), bool)
        return self._watched()

    def step(self, actions: np.ndarray) -> tuple[Watched, np.ndarray, np.ndarray]:
        """As `verb_interfaces.World.step`."""
        actions = np.asarray(actions)
        B, A = self.suggested.shape
        if actions.shape != (B,) or actions.dtype.kind not in "iu" or (actions < 0).any() or (actions >= A).any():
            raise UserError(f"actions are integers ({B},), intents from 1 to {A - 1} or 0 to stay silent")
        rows, shown = np.arange(B), self._watched().screen > 0
        new = shown & (actions != SILENT) & ~self.suggested[rows, actions]
        self.suggested[rows[new], actions[new]] = True
        rewards = np.where(new, np.where(self.wanted[self.episodes, actions], 1.0, -1.0), 0.0)
        self.step_number += 1
        return self._watched(), rewards, self._watched().screen == 0

    def measure(self) -> dict[str, np.ndarray]:
        """As `verb_interfaces.World.measure`."""
        wanted = self.wanted[self.episodes]
        hits, said, true = ((x[:, 1:]).sum(axis=1) for x in (self.suggested & wanted, self.suggested, wanted))
        return {
            "f1": np.where(said + true > 0, 2 * hits / np.maximum(said + true, 1), 1.0),
            "precision": np.where(said > 0, hits / np.maximum(said, 1), 1.0),
            "recall": np.where(true > 0, hits / np.maximum(true, 1), 1.0),
            "false_suggestions": (said - hits).astype(float),
        }

    def _watched(self) -> Watched:
        B, number = len(self.episodes), self.step_number
        screen = self.screens[self.episodes, number] if number < self.horizon else np.zeros(B, np.int64)
        return Watched(np.full(B, number), screen, self.episodes)
