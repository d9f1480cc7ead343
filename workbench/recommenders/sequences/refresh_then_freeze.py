"""An encoder of items and histories, trained in two phases: against items that follow it, then against the best ones.

The encoder is not causal, so an epoch takes one place of each train history: what came before it, and the next item.
"""
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.data import Histories, Split
from workbench.errors import UserError
from workbench.interfaces import ReadoutPositions
from workbench.recommenders import score_methods
from workbench.recommenders.sequential import LossOfStates
from workbench.recommenders.vector import Objective, VectorRecommender
from workbench.train import named_rng
from workbench.train.fit import TrainingSession
from workbench.train.recipe import change_recipe

FREEZING = 0.25  # share of the epochs in which the items stay as they are


def newest_first(histories: Histories, length: int) -> np.ndarray:
    """(B, N) int64 the last `length` items of each history, newest first, padded with 0 at the end."""
    longest = max(1, min(length, int(histories.lengths.max(initial=1))))
    padded = histories.padded(longest)
    last = np.minimum(histories.lengths, longest)[:, None] - 1 - np.arange(longest)
    return np.where(last >= 0, np.take_along_axis(padded, np.maximum(last, 0), 1), 0)


class WholeState:
    """A `vector.Reader` of an encoder that maps items (B, N), newest first, to one state."""

    readout_mask = None

    def __init__(self, max_length: int, *, batch: int = 256):
        self.max_length, self.batch = max_length, batch

    def states(self, module: nn.Module, histories: Histories) -> Tensor:
        """(B, D)."""
        return module(torch.from_numpy(newest_first(histories, self.max_length)).to(module.item.weight.device))

    def trace(self, module: nn.Module, histories: Histories) -> ReadoutPositions:
        """Run the histories; the first token alone, which stands for the newest event, is a readout position."""
        self.states(module, histories)
        last = histories.offsets[1:][histories.lengths > 0] - 1
        mask = np.ones((len(last), 1), bool)
        return ReadoutPositions(mask, last, np.zeros(len(last), np.int64))


def next_of_prefixes(loss: LossOfStates, *, max_length: int, in_batch: bool) -> Callable[..., Objective]:
    """Learns one next item of each train history in an epoch, its place drawn by the step. UserError, when called, if
    no train history has two events.

    in_batch: in place of `loss` the cross-entropy among the items that a batch asks for, which are encoded at that
    step: the encoder learns from histories and from items.
    """

    def objective(module: nn.Module, split: Split, session: TrainingSession) -> Objective:
        train = split.train.take(np.flatnonzero(split.train.lengths > 1))
        if not len(train):
            raise UserError("no train history has two events, so there is no next item to learn from", code=3)

        def batches(epoch: int) -> list[np.ndarray]:
            order = named_rng(session.seed, "order", epoch).permutation(len(train))
            return np.array_split(order, -(-len(order) // session.recipe.batch_size))

        def batch_loss(index: np.ndarray, step: int) -> Tensor:
            some = train.take(index)
            ends = 1 + (named_rng(session.seed, "places", step).random(len(some)) * (some.lengths - 1)).astype(np.int64)
            targets = torch.from_numpy(some.items[some.offsets[:-1] + ends].astype(np.int64)).to(session.device)
            rows = newest_first(some.without_last(some.lengths - ends), max_length)
            h = module(torch.from_numpy(rows).to(session.device))
            if not in_batch:
                return loss(h, module.item.weight, targets, step)
            asked, place = targets.unique(return_inverse=True)
            return F.cross_entropy(h @ module(asked[:, None]).T, place)

        return Objective(batches, batch_loss, weight=len)

    return objective


class RefreshThenFreeze:
    """An `interfaces.Recommender`, `Scorer`, `Likelihood` and `ScoredByItems` of a module with `refresh` and an item
    table that it sets. Both phases together have the epochs of the recipe, the second one the last FREEZING of them.
    """

    def __init__(self, module: nn.Module, loss: LossOfStates, *, max_length: int):
        following, frozen = (next_of_prefixes(loss, max_length=max_length, in_batch=each) for each in (True, False))
        reader = WholeState(max_length)
        self.following = VectorRecommender(module, reader, following, each_epoch=lambda epochs: module.refresh())
        self.frozen = VectorRecommender(module, reader, frozen)
        self.module, self.reader, self.max_length, self.batch = module, reader, max_length, reader.batch
        self.likelihood, self.readout_mask, self.states = True, None, self.frozen.states
        self.trace, self.scores = self.frozen.trace, self.frozen.scores

    @property
    def device(self) -> torch.device:
        return self.module.item.weight.device

    def fit(self, split: Split, session: TrainingSession) -> list[dict]:
        """Train, renewing the items after each epoch; then go on from the best epoch with its items. Returns one
        learning curve."""
        self.module.to(session.device).refresh()
        validate = session.validate
        session = replace(session, validate=validate and (lambda _: validate(self)))
        last = max(1, round(FREEZING * session.recipe.epochs))
        first = change_recipe(session.recipe, {"epochs": max(1, session.recipe.epochs - last)})
        curve = self.following.fit(split, replace(session, recipe=first))
        end = curve[-1]
        return curve + [row | {name: row[name] + end[name] for name in ("epoch", "step", "seconds")}
                        for row in self.frozen.fit(split, session.phase("frozen-items", epochs=last))]  # fmt: skip

    score = score_methods.score
    recommend = score_methods.recommend
    log_prob = score_methods.log_prob
    state = score_methods.state
    load_state = score_methods.load_state
