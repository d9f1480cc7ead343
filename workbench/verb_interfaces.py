"""What the verb of a family asks for, where a system does more or other than rank (workbench/systems/verbs.py).

Shape letters, ids and arrays as in workbench/interfaces.py.
"""
from typing import Any, Protocol, runtime_checkable

import numpy as np

from workbench.interfaces import Recommender


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
class World(Protocol):
    """A seeded simulator of n episodes, of which B are run side by side; with `envs.single_episode` a Gymnasium Env.

    What happens in an episode depends on the seed, its number and the actions, not on those that are run beside it, so
    policies are compared episode by episode. horizon: steps after which every episode is over. measures: names of what
    `measure` gives. observation_space, action_space: of one episode, spaces of Gymnasium.
    """

    n: int
    horizon: int
    measures: tuple[str, ...]
    observation_space: Any
    action_space: Any

    def reset(self, episodes: np.ndarray, *, seed: int) -> Any:
        """The first observation, a NamedTuple of arrays (B, ...), of episodes (B,), numbers below n."""

    def step(self, actions: Any) -> tuple[Any, np.ndarray, np.ndarray]:
        """(observation, rewards (B,), over (B,) bool) after actions (B, ...). Those of an episode that is over count
        for nothing, and its reward is 0. UserError for an action outside the action space."""

    def measure(self) -> dict[str, np.ndarray]:
        """(B,) of each measure, of the episodes as they went."""


@runtime_checkable
class Policy(Protocol):
    """What acts in a `World`, in B episodes at a time; trained by `fit`, saved and restored as `Recommender`."""

    def world(self, part: str) -> World:
        """The world whose episodes are those of a part of the split: train, valid or test."""

    def fit(self, split: Any, session: Any) -> list[dict]:
        """As `Recommender.fit`, in episodes of train; `session.validate(self)` runs those of validation."""

    def start(self, observation: Any) -> None:
        """Before the first action: forget the episodes before these. Their rows stay what they are until they end."""

    def act(self, observation: Any) -> Any:
        """Actions (B, ...)."""

    def state(self) -> dict[str, np.ndarray]:
        """As `Recommender.state`."""

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """As `Recommender.load_state`."""


@runtime_checkable
class Observer(Protocol):
    """What is served while events come in: it predicts a window of time, and observes it once it is over; trained by
    `fit`, saved and restored as `Recommender`.

    stream: the `evaluate.streams.events.Stream` of the bench, whose windows it is evaluated on.
    """

    stream: Any

    def fit(self, split: Any, session: Any) -> list[dict]:
        """As `Recommender.fit`, on `stream.train`; `session.validate(self)` predicts `stream.valid`, the last events
        before the first window. Nothing later is read."""

    def predict(self, events: Any) -> np.ndarray:
        """(n,) probabilities that what is shown in Events is liked or clicked. Their labels are not known: NaN."""

    def observe(self, events: Any) -> None:
        """Take note of Events, with their labels, of a window that is over; the next one is predicted after it."""

    def state(self) -> dict[str, np.ndarray]:
        """As `Recommender.state`, with what was observed so far."""

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """As `Recommender.load_state`."""
