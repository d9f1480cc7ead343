"""Policies that learn nothing: what to do follows from the observation."""
from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.verb_interfaces import World


class FixedRule:
    """A `verb_interfaces.Policy`. worlds: has `world(part)`, as a policy. rule(observation): actions (B, ...)."""

    def __init__(self, worlds: Any, rule: Callable[[Any], np.ndarray]):
        self.worlds, self.act = worlds, rule

    def world(self, part: str) -> World:
        """Of a part of the split."""
        return self.worlds.world(part)

    def fit(self, split: Any, session: Any) -> list[dict]:
        """Nothing is learned."""
        return []

    def start(self, observation: Any) -> None:
        """Nothing is remembered."""

    def state(self) -> dict[str, np.ndarray]:
        """Nothing was learned; the array says so, as a file of weights holds at least one."""
        return {"nothing": np.zeros(1, np.float32)}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Nothing is restored."""
