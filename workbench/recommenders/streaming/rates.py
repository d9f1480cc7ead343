"""Rates so far: of all that was shown, and of each item, as fixed rules beside served models."""
from typing import Any

import numpy as np

from workbench.errors import UserError
from workbench.evaluate.streams.events import Events, Stream


class Rates:
    """A `verb_interfaces.Observer` that counts. prior: the number of events at the overall rate that every item has in
    advance, inf for the overall rate alone. UserError if it is not positive."""

    def __init__(self, stream: Stream, prior: float):
        if not prior > 0:
            raise UserError(f"{prior=} must be positive: the events at the overall rate that every item has in advance")
        self.stream, self.prior = stream, prior
        self.shown, self.liked = np.zeros(stream.n_items + 1), np.zeros(stream.n_items + 1)

    def fit(self, split: Any, session: Any) -> list[dict]:
        """Count the events of train."""
        self.shown[:], self.liked[:] = 0, 0
        self.observe(self.stream.train)
        return []

    def predict(self, events: Events) -> np.ndarray:
        """(n,) (liked + prior * rate) / (shown + prior) of each item; 1/2 before anything was observed."""
        rate = (self.liked.sum() + 1) / (self.shown.sum() + 2)
        if np.isinf(self.prior):
            return np.full(len(events.rows), rate)
        return ((self.liked + self.prior * rate) / (self.shown + self.prior))[events.items]

    def observe(self, events: Events) -> None:
        """Count what was shown, and what was liked of it."""
        self.shown += np.bincount(events.items, minlength=len(self.shown))
        self.liked += np.bincount(events.items, weights=events.labels, minlength=len(self.liked))

    def state(self) -> dict[str, np.ndarray]:
        """The counts (I+1,)."""
        return {"shown": self.shown.copy(), "liked": self.liked.copy()}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Restore the counts."""
        self.shown, self.liked = state["shown"].copy(), state["liked"].copy()
