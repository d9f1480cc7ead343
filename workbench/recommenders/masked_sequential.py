"""Recommenders that fill gaps: trained on histories with places masked, asked with a mask after the last event."""
import numpy as np
import torch
from torch import Tensor, nn

from workbench.data import Histories, Split
from workbench.errors import UserError
from workbench.evaluate import top_k
from workbench.interfaces import Recommendations, Units
from workbench.losses.ranking import full_softmax
from workbench.recommenders.sequential import token_batches
from workbench.recommenders.state_dict import take_over, weights
from workbench.train import stream
from workbench.train.fit import Session, fit

MASK = -1  # the id of a masked place; 0 is padding as everywhere
SLOTS = 100_000  # places that one traced pass may hold


class Cloze:
    """A `roles.Recommender`, `Scorer`, `Likelihood`, `Traceable` and `Asked` around a bidirectional torch encoder.

    module: ids (B, T), newest first, MASK at masked places, right-padded with 0, to states (B, T, D); its `item.weight`
    (I+1, D) is the output table too. A place's number so counts back from the newest event, and the place that is asked
    about is the first. mask: probability of a place of being masked in training. last: share of windows in which the
    newest place alone is masked, as it is where a recommendation is asked for. max_length: events read beside the mask.
    """

    def __init__(self, module: nn.Module, *, mask: float, last: float, max_length: int):
        self.module, self.mask, self.last, self.max_length = module, mask, last, max_length
        self.batch = max(1, SLOTS // (max_length * (max_length + 1)))

    @property
    def device(self) -> torch.device:
        return self.module.item.weight.device

    def fit(self, split: Split, session: Session) -> list[dict]:
        """Train on every window of train once an epoch, masked anew each time: exact cross-entropy at masked places.

        UserError where no train history holds two events.
        """
        self.module.to(session.device)
        windows = split.train.windows(self.max_length + 1)
        if not len(windows):
            raise UserError("no train history holds two events, so nothing stands beside a gap to learn from", code=3)
        tokens = session.recipe.batch_size * float(np.mean(windows.lengths))

        def batches(epoch: int) -> list[np.ndarray]:
            return token_batches(windows.lengths, tokens, stream(session.seed, "order", epoch))

        def loss(index: np.ndarray, step: int) -> Tensor:
            part = windows.take(index)
            rows = newest_first(part.items, part.offsets[:-1], part.offsets[1:])
            hidden = drawn(rows > 0, self.mask, self.last, stream(session.seed, "mask", step))
            ids = torch.from_numpy(np.where(hidden, MASK, rows)).to(session.device)
            targets = torch.from_numpy(rows[hidden]).to(session.device)
            return full_softmax(self.module(ids)[ids == MASK], self.module.item.weight, targets, chunk=128)

        validate = (lambda: session.validate(self)) if session.validate else None
        return fit(self.module, batches, loss, session, validate=validate)

    def ask(self, items: np.ndarray, start: np.ndarray, end: np.ndarray) -> Tensor:
        """(B, T, D) states for the histories items[start:end], (B,) each, and a mask after the last event of each."""
        self.module.eval()
        rows = newest_first(items, start, end)
        return self.module(torch.from_numpy(np.pad(rows, ((0, 0), (1, 0)), constant_values=MASK)).to(self.device))

    @torch.no_grad()
    def states(self, histories: Histories) -> Tensor:
        """(B, D) state at the mask after each history."""
        recent = histories.last(self.max_length)
        return self.ask(recent.items, recent.offsets[:-1], recent.offsets[1:])[:, 0]

    @torch.no_grad()
    def trace(self, histories: Histories) -> Units:
        """A pass over all beginnings of histories of at most `max_length` events, a row an event: what was read up to
        and with the event, and a mask after it. That mask's place is the unit; the places of what was read are no units
        and are never mixed with it."""
        row = histories.rows()
        event = np.arange(len(row))
        states = self.ask(histories.items, histories.offsets[row], event + 1)
        return Units(self.slots(states).cpu().numpy(), event, np.zeros(len(event), np.int64))

    def slots(self, x: Tensor) -> Tensor:
        """The places of masks in what a site puts out (B, T, D) while a recommendation is asked for: (B, T) bool."""
        found = torch.zeros(x.shape[:-1], dtype=torch.bool, device=x.device)
        found[:, 0] = True
        return found

    @torch.no_grad()
    def scores(self, histories: Histories) -> Tensor:
        """(B, I+1) on the module's device."""
        return self.states(histories) @ self.module.item.weight.T

    def score(self, histories: Histories) -> np.ndarray:
        """(B, I+1) float32; column 0 is meaningless."""
        return self.scores(histories).cpu().numpy()

    def recommend(self, histories: Histories, k: int, exclude: Histories | None = None) -> Recommendations:
        """The k best items by score."""
        return top_k(self.scores(histories), k, exclude)

    def log_prob(self, histories: Histories, items: np.ndarray) -> np.ndarray:
        """(B, n) log-probability of items (B, n) under a softmax over the catalogue."""
        logits = self.scores(histories)[:, 1:].log_softmax(1).cpu().numpy()
        return np.take_along_axis(logits, np.asarray(items) - 1, axis=1)

    def state(self) -> dict[str, np.ndarray]:
        """The module's weights."""
        return weights(self.module)

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Take over weights."""
        take_over(self.module, state)


def newest_first(items: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(B, T) int64: items[start:end] of each row backwards, right-padded with 0; start, end: (B,).

    >>> newest_first(np.array([5, 6, 7, 8]), np.array([0, 3]), np.array([3, 4])).tolist()
    [[7, 6, 5], [8, 0, 0]]
    """
    at = end[:, None] - 1 - np.arange((end - start).max(initial=0))
    return np.where(at >= start[:, None], items[np.maximum(at, 0)], 0).astype(np.int64)


def drawn(real: np.ndarray, mask: float, last: float, rng: np.random.Generator) -> np.ndarray:
    """Which places are masked: each real one (B, T) with probability `mask`, at least one a row; in a share `last` of
    the rows the first place alone."""
    chance = np.where(real, rng.random(real.shape), 1.0)
    hidden = chance < mask
    hidden[np.arange(len(real)), chance.argmin(axis=1)] = True
    ends = rng.random(len(real)) < last
    hidden[ends] = False
    hidden[ends, 0] = True
    return hidden
