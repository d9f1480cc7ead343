"""What the verb of a family asks for, where a system does more or other than rank (workbench/systems/verbs.py).

Shape letters, ids and arrays as in workbench/interfaces.py.
"""
from typing import Any, Protocol, runtime_checkable

import numpy as np

from workbench.interfaces import Recommendations, Recommender


@runtime_checkable
class Reranker(Protocol):
    """What orders candidates anew; `recommenders.reranked.Reranked` makes a recommender of it."""

    def rescore(self, histories: Any, candidates: np.ndarray) -> np.ndarray:
        """(B, N) scores of the candidates (B, N), item ids."""


@runtime_checkable
class Selector(Protocol):
    """What chooses events of train to learn from; its base is then trained on these alone (systems/verbs.py)."""

    def select(self, split: Any, budget: int, session: Any) -> np.ndarray:
        """(n,) int64 rows of `split.train`, each an event, distinct, n <= budget. Reads train, and at most validation,
        of the split; test never."""


@runtime_checkable
class Unlearner(Protocol):
    """What makes a trained recommender forget events of train. curve: the learning curve of its last `forget`, one dict
    per epoch, [] where it did not train in epochs."""

    curve: list[dict]

    def forget(self, model: Recommender, split: Any, rows: np.ndarray, session: Any) -> Recommender:
        """The recommender, with the same arrays as its state, without what it learned from rows (n,) of `split.train`.
        model: trained on all of train; it may be changed in place."""


@runtime_checkable
class Env(Protocol):
    """A seeded simulator with Gymnasium's reset and step."""

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict]:
        """The first observation of an episode, and what is known besides."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        """(observation, reward, terminated, truncated, info) after an action."""


@runtime_checkable
class Policy(Protocol):
    """What acts in an `Env`."""

    def act(self, observation: Any) -> Any:
        """An action of the env's action space."""


@runtime_checkable
class Observer(Protocol):
    """A recommender that is served while events come in: it predicts a window of time, then observes it."""

    def recommend(self, histories: Any, k: int, exclude: Any = None) -> Recommendations:
        """As `Recommender.recommend`."""

    def observe(self, events: Any) -> None:
        """Learn from Histories of the events of a window that is over."""
