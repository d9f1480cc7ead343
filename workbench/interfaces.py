"""The contracts between rooms, on one page: read this first.

Letters everywhere: B batch, T time, I items, U users, L code levels, K codes per level, D width, F features. Item ids
are 1..I and row 0 is padding; users are 0..U-1; scores are higher-is-better. Arrays cross a door as numpy, so that a
counting baseline, a GPU model and somebody's CSV all look the same from outside.
"""
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np


class Recommendations(NamedTuple):
    """Ranked lists, best first: valid ids, distinct within a row, never padding.

    items: (B, k) int. scores: (B, k) float, non-increasing along a row.
    group, group_size: (B, k) int or None; which code group an item belongs to and how many of it could be recommended.
    Given by recommenders whose codes collide, so that metrics can be collision-corrected: such a recommender has
    `codes` (workbench.tokens.ItemCodes), whose trie numbers the groups. None means every item is its own.
    """

    items: np.ndarray
    scores: np.ndarray
    group: np.ndarray | None = None
    group_size: np.ndarray | None = None


@runtime_checkable
class Recommender(Protocol):
    """What every recommender answers. `histories` is a workbench.data.Histories of B rows, oldest event first."""

    def fit(self, split: Any, session: Any) -> list[dict]:
        """Learn from `split.train` alone; `session` is a workbench.train.Session. Returns the learning curve, a dict a
        validation, or [] where nothing is trained step by step."""

    def recommend(self, histories: Any, k: int, exclude: Any = None) -> Recommendations:
        """The best k items for each history. `exclude`: Histories of B rows whose items may not be returned."""

    def state(self) -> dict[str, np.ndarray]:
        """All that fit learned, as named arrays: enough for `load_state` on a fresh build to give the same answers."""

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Take over what another instance learned."""


@runtime_checkable
class Scorer(Protocol):
    """A separate capability, asked for with isinstance: a score for every item."""

    def score(self, histories: Any) -> np.ndarray:
        """(B, I+1) float; column 0 is meaningless."""


@runtime_checkable
class Likelihood(Protocol):
    """A separate capability: normalised log-probabilities of given items."""

    def log_prob(self, histories: Any, items: np.ndarray) -> np.ndarray:
        """(B, n) float for items (B, n)."""


class Units(NamedTuple):
    """Which slots of what a network's modules put out stand for something that was read, and for what.

    mask: bool over the slots, in the shape of what the modules put out less its width: (B, S), or (B,) where a history
    has one slot, or with more rows than histories where each is read several times. Its n true ones, row by row, are
    the units. event: (n,) int64, the place in the batch's `items` of the last event that a unit has read. level: (n,)
    int64, the code of the next item that it foretells, 0 for the first one and where items have no codes.
    """

    mask: np.ndarray
    event: np.ndarray
    level: np.ndarray


@runtime_checkable
class Traceable(Protocol):
    """A separate capability: its network can be read while it works. It has a torch `module`, and reads at most
    `max_length` events at a time."""

    module: Any
    max_length: int

    def trace(self, histories: Any) -> Units:
        """Run the network over histories of at most `max_length` events, as in training but without dropout."""


@runtime_checkable
class Asked(Protocol):
    """A separate capability of what can be traced: it answers at a place of its own, put after the history, and only
    that place is a unit. What stands in for units may stand nowhere else. A trace reads a history once for each of its
    events, so it is given at most `batch` histories at a time."""

    batch: int

    def slots(self, x: Any) -> Any:
        """Where a site puts out units while something is recommended: a bool tensor over the slots of x, of whatever
        shape less its width."""
