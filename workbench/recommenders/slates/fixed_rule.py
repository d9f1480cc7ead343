"""Policies of slates that learn nothing while they act: one slate for everybody, or what a rule says."""
from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.envs.slates import Observation, SlateWorld
from workbench.recommenders.slates.worlds import SlateWorlds


class FixedSlates:
    """A `verb_interfaces.Policy`. rule(observation): actions (B, k)."""

    def __init__(self, worlds: SlateWorlds, rule: Callable[[Observation], np.ndarray]):
        self.worlds, self.act = worlds, rule

    def world(self, part: str) -> SlateWorld:
        """Of a part of the split."""
        return self.worlds.world(part)

    def fit(self, split: Any, session: Any) -> list[dict]:
        """Nothing is learned."""
        return []

    def start(self, observation: Observation) -> None:
        """Nothing is remembered."""

    def state(self) -> dict[str, np.ndarray]:
        """Nothing was learned; the array says so, as a file of weights holds at least one."""
        return {"nothing": np.zeros(1, np.float32)}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Nothing is restored."""
