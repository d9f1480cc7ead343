"""Recommenders of vectors: a score is the product of the state of a history and the embedding of an item.

They differ in how a history becomes a state (a reader) and in what is learned from (an objective). Both are parts:
sequential, masked_sequential and matrix_factorization have one of each.
"""
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from workbench.data import Histories, Split
from workbench.interfaces import ReadoutPositions
from workbench.recommenders import score_methods
from workbench.train.fit import TrainingSession, fit
from workbench.train.turns import Turn


class Reader(Protocol):
    """How histories become states. max_length: the most events of a history that are read. batch: the most histories
    that `trace` takes at a time. readout_mask: see `interfaces.MaskReadout`."""

    max_length: int
    batch: int
    readout_mask: Callable[[Tensor], Tensor] | None

    def states(self, module: nn.Module, histories: Histories) -> Tensor:
        """(B, D) on the module's device, or (B, K, D) of K interests."""

    def trace(self, module: nn.Module, histories: Histories) -> ReadoutPositions:
        """See `interfaces.Traceable`."""


class Objective(NamedTuple):
    """What `train.fit` needs to learn from a split: batches(epoch), loss(batch, step), weight(batch), each_epoch(epochs
    so far), which renews what follows from the weights, and turns that a step takes after that of the loss."""

    batches: Callable[[int], list[np.ndarray]]
    loss: Callable[[Any, int], Tensor]
    weight: Callable[[Any], float] | None = None
    each_epoch: Callable[[int], None] | None = None
    turns: Sequence[Turn] = ()


class VectorRecommender:
    """An `interfaces.Recommender`, `Scorer`, `Likelihood`, `Traceable`, `MaskReadout` and `ScoredByItems`.

    module: a torch module. `item.weight` (I+1, D) holds the embeddings of the items, `bias.weight` (I+1, 1) their
    biases if `biased`. reader: maps the module and histories to states. objective(module, split, session): what one
    training learns from. likelihood: whether the objective maximises `log_prob`. trainable, each_epoch: see train.fit.
    """

    def __init__(
        self, module: nn.Module, reader: Reader, objective: Callable[[nn.Module, Split, TrainingSession], Objective],
        *, biased: bool = False, likelihood: bool = True, trainable: str | Sequence[str] = "*",
        each_epoch: Callable[[int], None] | None = None,
    ):  # fmt: skip
        self.module, self.reader, self.objective, self.biased = module, reader, objective, biased
        self.likelihood, self.trainable, self.each_epoch = likelihood, trainable, each_epoch
        self.max_length, self.batch, self.readout_mask = reader.max_length, reader.batch, reader.readout_mask

    @property
    def device(self) -> torch.device:
        return self.module.item.weight.device

    def fit(self, split: Split, session: TrainingSession) -> list[dict]:
        """Train by the objective, which says what an epoch is. UserError where train has nothing to learn from."""
        objective = self.objective(self.module.to(session.device), split, session)
        renewals = [renew for renew in (objective.each_epoch, self.each_epoch) if renew]

        def each_epoch(epochs: int) -> None:
            for renew in renewals:
                renew(epochs)

        validate = (lambda: session.validate(self)) if session.validate else None
        what = {"loss": objective.loss, "trainable": self.trainable}
        if objective.turns:
            what = {"loss": None, "turns": [Turn(objective.loss, self.trainable), *objective.turns]}
        return fit(
            self.module, objective.batches, session=session, validate=validate, weight=objective.weight,
            each_epoch=each_epoch if renewals else None, **what,
        )  # fmt: skip

    @torch.no_grad()
    def states(self, histories: Histories) -> Tensor:
        """(B, D) on the module's device, or (B, K, D) of K interests, each item being scored by the nearest."""
        self.module.eval()
        return self.reader.states(self.module, histories)

    @torch.no_grad()
    def trace(self, histories: Histories) -> ReadoutPositions:
        """Run histories of at most `max_length` events, at most `batch` of them."""
        self.module.eval()
        return self.reader.trace(self.module, histories)

    @torch.no_grad()
    def scores(self, histories: Histories) -> Tensor:
        """(B, I+1) on the module's device."""
        products = self.states(histories) @ self.module.item.weight.T
        products = products.amax(1) if products.ndim == 3 else products
        return products + self.module.bias.weight[:, 0] if self.biased else products

    score = score_methods.score
    recommend = score_methods.recommend
    log_prob = score_methods.log_prob
    state = score_methods.state
    load_state = score_methods.load_state
