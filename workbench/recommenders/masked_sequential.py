"""Recommenders trained by masked item prediction (Cloze): they predict the next item at a mask after the last event."""
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from workbench.data import Histories, Split
from workbench.errors import UserError
from workbench.interfaces import ReadoutPositions
from workbench.losses.ranking import full_softmax
from workbench.recommenders.epoch_cost import warn_of_cost
from workbench.recommenders.sequential import token_batches
from workbench.recommenders.vector import Objective, VectorRecommender
from workbench.train import named_rng
from workbench.train.fit import TrainingSession

MASK = -1  # the id of a masked item; 0 is padding as everywhere
MAX_POSITIONS = 100_000  # positions in one traced forward pass


def masked_sequential(module: nn.Module, *, mask: float, last: float, max_length: int) -> VectorRecommender:
    """The recommender of a bidirectional torch encoder.

    module: maps ids (B, T), newest first, MASK at masked positions, right-padded with 0, to states (B, T, D); its
    `item.weight` (I+1, D) is tied to the output. Positions therefore count back from the newest event, and the position
    to predict is the first. mask: masking probability in training. last: share of windows in which only the newest item
    is masked, as in recommending. max_length: events read besides the mask.
    """
    return VectorRecommender(module, MaskState(max_length), masked_items(mask=mask, last=last, max_length=max_length))


class MaskState:
    """A `vector.Reader`: the hidden state at a mask after the last event, which alone is a readout position."""

    def __init__(self, max_length: int):
        self.max_length, self.batch = max_length, max(1, MAX_POSITIONS // (max_length * (max_length + 1)))

    def states(self, module: nn.Module, histories: Histories) -> Tensor:
        """(B, D) hidden state at the mask after each history."""
        recent = histories.last(self.max_length)
        return masked_states(module, recent.items, recent.offsets[:-1], recent.offsets[1:])[:, 0]

    def trace(self, module: nn.Module, histories: Histories) -> ReadoutPositions:
        """Run every prefix of histories of at most `max_length` events: one row per event, with the events up to it and
        a mask appended. Only the mask position is a readout position, the positions of events are not."""
        row = histories.rows()
        event = np.arange(len(row))
        states = masked_states(module, histories.items, histories.offsets[row], event + 1)
        return ReadoutPositions(self.readout_mask(states).cpu().numpy(), event, np.zeros(len(event), np.int64))

    def readout_mask(self, x: Tensor) -> Tensor:
        """(B, T) bool: where the mask tokens are in a module's output (B, T, D) while recommending."""
        readout = torch.zeros(x.shape[:-1], dtype=torch.bool, device=x.device)
        readout[:, 0] = True
        return readout


def masked_states(module: nn.Module, items: np.ndarray, start: np.ndarray, end: np.ndarray) -> Tensor:
    """(B, T, D) hidden states of histories items[start:end], each with a mask appended; start, end: (B,)."""
    rows = np.pad(newest_first(items, start, end), ((0, 0), (1, 0)), constant_values=MASK)
    return module(torch.from_numpy(rows).to(module.item.weight.device))


def masked_items(
    *, mask: float, last: float, max_length: int
) -> Callable[[nn.Module, Split, TrainingSession], Objective]:
    """Learns every window of train once per epoch, with new random masks: cross-entropy at masked positions. The
    settings are those of `masked_sequential`. UserError, when called, if no train history has two events."""

    def objective(module: nn.Module, split: Split, session: TrainingSession) -> Objective:
        windows = split.train.windows(max_length + 1)
        if not len(windows):
            raise UserError("no train history has two events, so a masked item would have no context", code=3)
        warn_of_cost(int(mask * windows.lengths.sum()), split.n_items)
        tokens = session.recipe.batch_size * float(np.mean(windows.lengths))

        def batches(epoch: int) -> list[np.ndarray]:
            return token_batches(windows.lengths, tokens, named_rng(session.seed, "order", epoch))

        def loss(index: np.ndarray, step: int) -> Tensor:
            batch = windows.take(index)
            rows = newest_first(batch.items, batch.offsets[:-1], batch.offsets[1:])
            masked = cloze_mask(rows > 0, mask, last, named_rng(session.seed, "mask", step))
            ids = torch.from_numpy(np.where(masked, MASK, rows)).to(session.device)
            targets = torch.from_numpy(rows[masked]).to(session.device)
            return full_softmax(module(ids)[ids == MASK], module.item.weight, targets, chunk=128)

        return Objective(batches, loss)

    return objective


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
