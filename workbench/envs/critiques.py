"""A conversation in which the user says what is wrong with a rejected list: attributes that it should not have.

After Li et al., "Self-supervised bot play for transcript-free conversational recommendation with rationales", RecSys
2022, whose seeker knows the aspects of the target and names those of the shown item that it lacks.
"""
from typing import NamedTuple, get_type_hints

import numpy as np
from gymnasium import spaces

from workbench.envs.conversation import REJECTED, ConversationWorld, Observation
from workbench.envs.streams import uniform
from workbench.errors import UserError, unknown_name

CRITIQUES = ("lacking", "random")


# As `Observation`, and critique: (B, A) bool, what was wrong with the list that was rejected just now.
CritiquedObservation = NamedTuple(
    "CritiquedObservation", [*get_type_hints(Observation).items(), ("critique", np.ndarray)]
)


class CritiquedWorld:
    """A `verb_interfaces.World`: a conversation whose user names at most `aspects` attributes after a rejected list.

    Of the attributes of its items that the target lacks, and that were not named before, those of most items are named,
    ties by chance. critique: lacking; random, the placebo, names as many attributes of the shown items, whether the
    target has them or not. What is named does not leave the candidates: it is an opinion. UserError for a number below
    1 or another critique.
    """

    def __init__(self, world: ConversationWorld, *, aspects: int, critique: str = "lacking"):
        if critique not in CRITIQUES:
            raise unknown_name("critique", critique, CRITIQUES)
        if aspects < 1:
            raise UserError(f"{aspects=}: a critique names 1 attribute or more")
        self.inner, self.aspects, self.critique = world, aspects, critique
        self.n, self.horizon, self.k, self.measures = world.n, world.horizon, world.k, world.measures
        self.targets, self.measure, self.action_space = world.targets, world.measure, world.action_space
        own = {"critique": spaces.MultiBinary(len(world.has))}
        self.observation_space = spaces.Dict(dict(world.observation_space.spaces) | own)

    def reset(self, episodes: np.ndarray, *, seed: int) -> CritiquedObservation:
        """As `ConversationWorld.reset`; nothing is wrong yet."""
        observation = self.inner.reset(episodes, seed=seed)
        self.named = np.zeros_like(observation.asked)
        return CritiquedObservation(*observation, np.zeros_like(observation.asked))

    def step(self, actions: np.ndarray) -> tuple[CritiquedObservation, np.ndarray, np.ndarray]:
        """As `ConversationWorld.step`."""
        before = self.inner.turn.copy()
        observation, rewards, over = self.inner.step(actions)
        shown = (observation.outcome == REJECTED) & (observation.turn > before)
        said = np.zeros_like(observation.asked)
        if shown.any():
            rows = np.flatnonzero(shown)
            said[rows] = self._named(rows, np.asarray(actions)[rows, 1:], observation)
        self.named |= said
        return CritiquedObservation(*observation, said), rewards, over

    def _named(self, rows: np.ndarray, items: np.ndarray, observation: Observation) -> np.ndarray:
        """(b, A) bool: what is said of lists (b, k) of rows (b,)."""
        has = self.inner.has.T  # (I+1, A)
        counts = has[items].sum(axis=1)
        lacking = (counts > 0) & ~self.named[rows]
        lacking &= ~has[self.inner.target[rows]]
        chance = uniform(self.inner.seed, "critique", self.inner.step_number, observation.episodes[rows], len(has.T))
        if self.critique == "random":
            n = np.minimum(lacking.sum(axis=1), self.aspects)
            worth = np.where((counts > 0) & ~self.named[rows], 1 + chance, 0)
        else:
            n, worth = np.full(len(rows), self.aspects), np.where(lacking, counts + chance, 0)
        place = np.argsort(np.argsort(-worth, axis=1, kind="stable"), axis=1, kind="stable")
        return (place < n[:, None]) & (worth > 0)
