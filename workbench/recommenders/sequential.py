"""Next-item recommenders: the last hidden state of a history encoder is scored against the item embeddings."""
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from workbench.data import Histories, Split
from workbench.errors import UserError
from workbench.interfaces import ReadoutPositions
from workbench.recommenders import score_methods
from workbench.recommenders.epoch_cost import warn_of_cost
from workbench.train import named_rng
from workbench.train.fit import TrainingSession, fit


class Sequential:
    """An `interfaces.Recommender`, `Scorer` and `Likelihood` around a torch encoder.

    module: maps ids (B, T), right-padded, to hidden states (B, T, D); its `item.weight` (I+1, D) is tied to the output.
    loss(h, weight, targets, step): of states (N, D) at non-padding targets (N,). max_length: events the encoder reads.
    full: whether the loss scores every item. cheaper: the setting with which it does not, if the system has one.
    trainable, each_epoch: see train.fit.
    """

    def __init__(
        self, module: nn.Module, *, loss: Callable[[Tensor, Tensor, Tensor, int], Tensor], max_length: int,
        full: bool = True, cheaper: str = "", trainable: str | Sequence[str] = "*",
        each_epoch: Callable[[int], None] | None = None,
    ):  # fmt: skip
        self.module, self.loss, self.max_length, self.full, self.cheaper = module, loss, max_length, full, cheaper
        self.trainable, self.each_epoch = trainable, each_epoch

    @property
    def device(self) -> torch.device:
        return self.module.item.weight.device

    def fit(self, split: Split, session: TrainingSession) -> list[dict]:
        """Train on every next item in train exactly once per epoch; long histories are cut into windows.

        UserError if no train history has two events.
        """
        self.module.to(session.device)
        windows = split.train.windows(self.max_length + 1)
        if not len(windows):
            raise UserError("no train history has two events, so there is no next item to learn from", code=3)
        if self.full:
            warn_of_cost(int((windows.lengths - 1).sum()), split.n_items, cheaper=self.cheaper)
        tokens = session.recipe.batch_size * max(1.0, float(np.mean(windows.lengths - 1)))

        def batches(epoch: int) -> list[np.ndarray]:
            return token_batches(windows.lengths - 1, tokens, named_rng(session.seed, "order", epoch))

        def loss(index: np.ndarray, step: int) -> Tensor:
            rows = torch.from_numpy(windows.take(index).padded()).to(session.device)
            targets = rows[:, 1:]
            real = targets > 0
            return self.loss(self.module(rows[:, :-1])[real], self.module.item.weight, targets[real], step)

        validate = (lambda: session.validate(self)) if session.validate else None
        return fit(
            self.module, batches, loss, session, validate=validate, trainable=self.trainable,
            each_epoch=self.each_epoch, weight=lambda index: int((windows.lengths[index] - 1).sum()),
        )  # fmt: skip

    @torch.no_grad()
    def states(self, histories: Histories) -> Tensor:
        """(B, D) hidden state after the last event of each history; an empty history is one padding token."""
        self.module.eval()
        rows = torch.from_numpy(histories.padded(max(1, min(self.max_length, int(histories.lengths.max(initial=1))))))
        last = torch.from_numpy(np.clip(histories.lengths, 1, rows.shape[1]) - 1).to(self.device)
        return self.module(rows.to(self.device))[torch.arange(len(rows), device=self.device), last]

    @torch.no_grad()
    def trace(self, histories: Histories) -> ReadoutPositions:
        """Run histories of at most `max_length` events; every event is a readout position."""
        self.module.eval()
        rows = histories.padded()
        self.module(torch.from_numpy(rows).to(self.device))
        return ReadoutPositions(rows > 0, np.arange(len(histories.items)), np.zeros(len(histories.items), np.int64))

    @torch.no_grad()
    def scores(self, histories: Histories) -> Tensor:
        """(B, I+1) on the module's device."""
        return self.states(histories) @ self.module.item.weight.T

    score = score_methods.score
    recommend = score_methods.recommend
    log_prob = score_methods.log_prob
    state = score_methods.state
    load_state = score_methods.load_state


def token_batches(lengths: np.ndarray, tokens: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Batches of row indices: rows of similar length, about `tokens` non-padding tokens each, in random order. Padding
    is rare and every batch averages over a similar number of targets."""
    order = np.argsort(lengths + rng.random(len(lengths)), kind="stable")
    group = ((np.cumsum(lengths[order]) - lengths[order]) // tokens).astype(np.int64)
    batches = np.split(order, np.flatnonzero(np.diff(group)) + 1)
    return [batches[i] for i in rng.permutation(len(batches))]
