"""A click network that is trained on what came before the first window, and then served."""
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.evaluate.streams.events import Events, Stream
from workbench.nets.streams.click_network import ClickNetwork
from workbench.recommenders import score_methods
from workbench.train.fit import TrainingSession, fit
from workbench.train.rng import named_rng

BATCH = 4096  # events that are predicted at a time


class Served(NamedTuple):
    """What the network says of n events. rows: (n,) their places in the stream. keys: (n, D) its last vectors. p: (n,)
    its probabilities."""

    rows: np.ndarray
    keys: Tensor
    p: Tensor


class ServedClicks:
    """A `verb_interfaces.Observer` around a `ClickNetwork`.

    correct(served): (n,) the probabilities that are given in place of the network's; None for its own.
    learn(events, served): what is done with the events of a window that is over; None for nothing: the network then
    stays what it was. What both change must lie in the module, as its state is that of the module.
    """

    def __init__(
        self, stream: Stream, module: ClickNetwork, *, seed: int, correct: Callable[[Served], Tensor] | None = None,
        learn: Callable[[Events, Served], None] | None = None,
    ):  # fmt: skip
        self.stream, self.module, self.seed, self.correct, self.learn = stream, module, seed, correct, learn
        self._last: Served | None = None

    def fit(self, split: Any, session: TrainingSession) -> list[dict]:
        """By the log loss of the events of train; the measures of those before the first window select the epoch."""
        events = self.stream.train
        self.module.to(session.device)
        for known, ids in ((self.module.known_users, events.users), (self.module.known_items, events.items)):
            known[:] = False
            known[torch.from_numpy(ids).long()] = True
        inputs = tensors(events, self.module)
        labels = torch.from_numpy(events.labels).to(session.device)
        size = session.recipe.batch_size

        def batches(epoch: int) -> list[np.ndarray]:
            order = named_rng(session.seed, "order", epoch).permutation(len(labels))
            return [order[start : start + size] for start in range(0, len(order), size)]

        def loss(rows: np.ndarray, step: int) -> Tensor:
            return F.binary_cross_entropy_with_logits(self.module(*(each[rows] for each in inputs))[0], labels[rows])

        validate = session.validate and (lambda: session.validate(self))
        return fit(self.module, batches, loss, session, validate=validate)

    def predict(self, events: Events) -> np.ndarray:
        """(n,) probabilities. What the network said is kept until these events are observed."""
        self._last = self.served(events)
        p = self._last.p if self.correct is None else self.correct(self._last)
        return p.cpu().numpy().astype(np.float64)

    def observe(self, events: Events) -> None:
        """Learn, if this one learns while it is served."""
        if self.learn is not None:
            last = self._last
            known = last is not None and np.array_equal(last.rows, events.rows)
            self.learn(events, last if known else self.served(events))
        self._last = None

    @torch.no_grad()
    def served(self, events: Events) -> Served:
        """What the network says of events, without any correction."""
        self.module.eval()
        inputs = tensors(events, self.module)
        parts = [self.module(*(each[start : start + BATCH] for each in inputs))
                 for start in range(0, len(events.rows), BATCH)]  # fmt: skip
        logits, keys = (torch.cat(each) for each in zip(*parts, strict=True))
        return Served(events.rows, keys, logits.sigmoid())

    state = score_methods.state

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Load what `state` gave."""
        self._last = None
        score_methods.load_state(self, state)


def tensors(events: Events, module: ClickNetwork) -> list[Tensor]:
    """What a network reads of n events: users, items, history and reactions, on its device."""
    arrays = (events.users, events.items, events.history, events.reactions)
    return [torch.from_numpy(array.astype(np.int64)).to(module.out.weight.device) for array in arrays]
