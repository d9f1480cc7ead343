"""Recommenders trained by masked item prediction (Cloze): they predict the next item at a mask after the last event."""
import numpy as np
import torch
from torch import Tensor, nn

from workbench.data import Histories, Split
from workbench.errors import UserError
from workbench.interfaces import ReadoutPositions
from workbench.losses.ranking import full_softmax
from workbench.recommenders import score_methods
from workbench.recommenders.epoch_cost import warn_of_cost
from workbench.recommenders.sequential import token_batches
from workbench.train import named_rng
from workbench.train.fit import TrainingSession, fit

MASK = -1  # the id of a masked item; 0 is padding as everywhere
MAX_POSITIONS = 100_000  # positions in one traced forward pass


class MaskedSequential:
    """An `interfaces.Recommender`, `Scorer`, `Likelihood`, `Traceable` and `MaskReadout` around a bidirectional torch
    encoder.

    module: maps ids (B, T), newest first, MASK at masked positions, right-padded with 0, to states (B, T, D); its
    `item.weight` (I+1, D) is tied to the output. Positions therefore count back from the newest event, and the position
    to predict is the first. mask: masking probability in training. last: share of windows in which only the newest item
    is masked, as in recommending. max_length: events read besides the mask.
    """

    def __init__(self, module: nn.Module, *, mask: float, last: float, max_length: int):
        self.module, self.mask, self.last, self.max_length = module, mask, last, max_length
        self.batch = max(1, MAX_POSITIONS // (max_length * (max_length + 1)))

    @property
    def device(self) -> torch.device:
        return self.module.item.weight.device

    def fit(self, split: Split, session: TrainingSession) -> list[dict]:
        """Train on every window of train once per epoch, with new random masks: cross-entropy at masked positions.

        UserError if no train history has two events.
        """
        self.module.to(session.device)
        windows = split.train.windows(self.max_length + 1)
        if not len(windows):
            raise UserError("no train history has two events, so a masked item would have no context", code=3)
        warn_of_cost(int(self.mask * windows.lengths.sum()), split.n_items)
        tokens = session.recipe.batch_size * float(np.mean(windows.lengths))

        def batches(epoch: int) -> list[np.ndarray]:
            return token_batches(windows.lengths, tokens, named_rng(session.seed, "order", epoch))

        def loss(index: np.ndarray, step: int) -> Tensor:
            batch = windows.take(index)
            rows = newest_first(batch.items, batch.offsets[:-1], batch.offsets[1:])
            real, rng = rows > 0, named_rng(session.seed, "mask", step)
            masked = cloze_mask(real, self.mask, self.last, rng)
            ids = torch.from_numpy(np.where(masked, MASK, rows)).to(session.device)
            targets = torch.from_numpy(rows[masked]).to(session.device)
            return full_softmax(self.module(ids)[ids == MASK], self.module.item.weight, targets, chunk=128)

        validate = (lambda: session.validate(self)) if session.validate else None
        return fit(self.module, batches, loss, session, validate=validate)

    def masked_states(self, items: np.ndarray, start: np.ndarray, end: np.ndarray) -> Tensor:
        """(B, T, D) hidden states of histories items[start:end], each with a mask appended; start, end: (B,)."""
        self.module.eval()
        rows = newest_first(items, start, end)
        return self.module(torch.from_numpy(np.pad(rows, ((0, 0), (1, 0)), constant_values=MASK)).to(self.device))

    @torch.no_grad()
    def states(self, histories: Histories) -> Tensor:
        """(B, D) hidden state at the mask after each history."""
        recent = histories.last(self.max_length)
        return self.masked_states(recent.items, recent.offsets[:-1], recent.offsets[1:])[:, 0]

    @torch.no_grad()
    def trace(self, histories: Histories) -> ReadoutPositions:
        """Run every prefix of histories of at most `max_length` events: one row per event, with the events up to it and
        a mask appended. Only the mask position is a readout position, the positions of events are not."""
        row = histories.rows()
        event = np.arange(len(row))
        states = self.masked_states(histories.items, histories.offsets[row], event + 1)
        return ReadoutPositions(self.readout_mask(states).cpu().numpy(), event, np.zeros(len(event), np.int64))

    def readout_mask(self, x: Tensor) -> Tensor:
        """(B, T) bool: where the mask tokens are in a module's output (B, T, D) while recommending."""
        readout = torch.zeros(x.shape[:-1], dtype=torch.bool, device=x.device)
        readout[:, 0] = True
        return readout

    @torch.no_grad()
    def scores(self, histories: Histories) -> Tensor:
        """(B, I+1) on the module's device."""
        return self.states(histories) @ self.module.item.weight.T

    score = score_methods.score
    recommend = score_methods.recommend
    log_prob = score_methods.log_prob
    state = score_methods.state
    load_state = score_methods.load_state


def newest_first(items: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(B, T) int64: items[start:end] of each row in reverse order, right-padded with 0; start, end: (B,).

    >>> newest_first(np.array([5, 6, 7, 8]), np.array([0, 3]), np.array([3, 4])).tolist()
    [[7, 6, 5], [8, 0, 0]]
    """
    at = end[:, None] - 1 - np.arange((end - start).max(initial=0))
    return np.where(at >= start[:, None], items[np.maximum(at, 0)], 0).astype(np.int64)


def cloze_mask(real: np.ndarray, mask: float, last: float, rng: np.random.Generator) -> np.ndarray:
    """(B, T) bool, the positions to mask: each non-padding one (`real`, (B, T)) with probability `mask`, at least one
    per row; in a share `last` of the rows only the first position."""
    uniform = np.where(real, rng.random(real.shape), 1.0)
    masked = uniform < mask
    masked[np.arange(len(real)), uniform.argmin(axis=1)] = True
    newest_only = rng.random(len(real)) < last
    masked[newest_only] = False
    masked[newest_only, 0] = True
    return masked
