"""Next-item recommenders: the last hidden state of a history encoder is scored against the item embeddings."""
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from workbench.data import Histories, Split
from workbench.errors import UserError
from workbench.interfaces import ReadoutPositions
from workbench.recommenders.epoch_cost import warn_of_cost
from workbench.recommenders.vector import Objective, VectorRecommender
from workbench.train import named_rng
from workbench.train.fit import TrainingSession
from workbench.train.turns import Turn

LossOfStates = Callable[[Tensor, Tensor, Tensor, int], Tensor]
EventInputs = Callable[[Histories, int], Sequence[np.ndarray]]


class Additions(NamedTuple):
    """What a system adds to the prediction of next items; what is left out is not computed and draws nothing.

    loss(windows, step): a term of the loss, of the histories of a batch (`Histories` with their columns and targets).
    turns: updates that a step takes after its first one, with losses of the same arguments. inputs(histories, T):
    arrays (B, T) of the events that the module reads after the ids, such as time gaps; padding is at the end.
    """

    loss: Callable[[Histories, int], Tensor] | None = None
    turns: Sequence[Turn] = ()
    inputs: EventInputs | None = None


NOTHING = Additions()


def sequential(
    module: nn.Module, *, loss: LossOfStates, max_length: int, full: bool = True, cheaper: str = "",
    likelihood: bool = True, trainable: str | Sequence[str] = "*", each_epoch: Callable[[int], None] | None = None,
    additions: Additions = NOTHING,
) -> VectorRecommender:  # fmt: skip
    """The recommender of a torch encoder that reads a history from its start.

    module: maps ids (B, T), right-padded, to hidden states (B, T, D), or (B, T, K, D) of K interests; its `item.weight`
    (I+1, D) is tied to the output.
    loss(h, weight, targets, step): of states (N, D) at non-padding targets (N,). max_length: events the encoder reads.
    full: whether the loss scores every item. cheaper: the setting with which it does not, if the system has one.
    likelihood: whether the loss maximises the log-probability of the targets. trainable, each_epoch: see train.fit;
    with turns, trainable is of the first.
    """
    objective = next_items(loss, max_length=max_length, full=full, cheaper=cheaper, additions=additions)
    return VectorRecommender(
        module, LastState(max_length, inputs=additions.inputs), objective, likelihood=likelihood, trainable=trainable,
        each_epoch=each_epoch,
    )  # fmt: skip


class LastState:
    """A `vector.Reader`: the hidden state after the last event. Every event is a readout position. inputs: see
    Additions."""

    readout_mask = None

    def __init__(self, max_length: int, *, batch: int = 256, inputs: EventInputs | None = None):
        self.max_length, self.batch, self.inputs = max_length, batch, inputs

    def states(self, module: nn.Module, histories: Histories) -> Tensor:
        """(B, D) hidden state after the last event of each history; an empty history is one padding token."""
        device = module.item.weight.device
        rows = torch.from_numpy(histories.padded(max(1, min(self.max_length, int(histories.lengths.max(initial=1))))))
        last = torch.from_numpy(np.clip(histories.lengths, 1, rows.shape[1]) - 1).to(device)
        others = event_tensors(self.inputs, histories, rows.shape[1], device)
        return module(rows.to(device), *others)[torch.arange(len(rows), device=device), last]

    def trace(self, module: nn.Module, histories: Histories) -> ReadoutPositions:
        """Run histories of at most `max_length` events."""
        rows, device = histories.padded(), module.item.weight.device
        module(torch.from_numpy(rows).to(device), *event_tensors(self.inputs, histories, rows.shape[1], device))
        return ReadoutPositions(rows > 0, np.arange(len(histories.items)), np.zeros(len(histories.items), np.int64))


def next_items(
    loss: LossOfStates, *, max_length: int, full: bool = True, cheaper: str = "", additions: Additions = NOTHING
) -> Callable[[nn.Module, Split, TrainingSession], Objective]:
    """Learns every next item in train exactly once per epoch; long histories are cut into windows. The settings are
    those of `sequential`. UserError, when called, if no train history has two events."""

    def objective(module: nn.Module, split: Split, session: TrainingSession) -> Objective:
        windows = split.train.windows(max_length + 1)
        if not len(windows):
            raise UserError("no train history has two events, so there is no next item to learn from", code=3)
        if full:
            warn_of_cost(int((windows.lengths - 1).sum()), split.n_items, cheaper=cheaper)
        tokens = session.recipe.batch_size * max(1.0, float(np.mean(windows.lengths - 1)))

        def batches(epoch: int) -> list[np.ndarray]:
            return token_batches(windows.lengths - 1, tokens, named_rng(session.seed, "order", epoch))

        def batch_loss(index: np.ndarray, step: int) -> Tensor:
            batch = windows.take(index)
            rows = torch.from_numpy(batch.padded()).to(session.device)
            others = event_tensors(additions.inputs, batch, rows.shape[1], session.device)
            targets = rows[:, 1:]
            real = targets > 0
            h = module(rows[:, :-1], *(values[:, :-1] for values in others))[real]
            value = loss(h, module.item.weight, targets[real], step)
            return value if additions.loss is None else value + additions.loss(batch, step)

        def of_windows(turn: Turn) -> Turn:
            return replace(turn, loss=lambda index, step: turn.loss(windows.take(index), step))

        return Objective(
            batches, batch_loss, weight=lambda index: int((windows.lengths[index] - 1).sum()),
            turns=[of_windows(turn) for turn in additions.turns],
        )  # fmt: skip

    return objective


def event_tensors(inputs: EventInputs | None, histories: Histories, T: int, device: object) -> list[Tensor]:
    """What a module reads of the last T events beside the items: tensors (B, T), none without `inputs`."""
    arrays = [] if inputs is None else inputs(histories, T)
    return [torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in arrays]


def padded_column(histories: Histories, values: np.ndarray, T: int) -> np.ndarray:
    """(B, T) of values (N,) of the events, beside `histories.padded(T)`: right-padded with 0, of long histories the
    last T."""
    from_end = np.repeat(histories.offsets[1:], histories.lengths) - np.arange(len(values))
    kept, length = from_end <= T, np.minimum(histories.lengths, T)
    out = np.zeros((len(histories), T), values.dtype)
    out[histories.rows()[kept], (np.repeat(length, histories.lengths) - from_end)[kept]] = values[kept]
    return out


def token_batches(lengths: np.ndarray, tokens: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Batches of row indices: rows of similar length, about `tokens` non-padding tokens each, in random order. Padding
    is rare and every batch averages over a similar number of targets."""
    order = np.argsort(lengths + rng.random(len(lengths)), kind="stable")
    group = ((np.cumsum(lengths[order]) - lengths[order]) // tokens).astype(np.int64)
    batches = np.split(order, np.flatnonzero(np.diff(group)) + 1)
    return [batches[i] for i in rng.permutation(len(batches))]
