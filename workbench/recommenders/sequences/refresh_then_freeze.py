"""An encoder of items and histories, trained in three phases: against the next items of a batch, against all items,
encoded anew after each epoch, and against the best of these, which stay.

The encoder is not causal, so an epoch takes one place of each train history: what came before it, and the next item.
"""
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from workbench.data import Histories, Split
from workbench.errors import UserError
from workbench.interfaces import ReadoutPositions
from workbench.recommenders import score_methods
from workbench.recommenders.sequential import LossOfStates
from workbench.recommenders.vector import Objective, VectorRecommender
from workbench.train import named_rng
from workbench.train.curves import continued
from workbench.train.fit import TrainingSession
from workbench.train.recipe import change_recipe

IN_BATCH, FROZEN = 0.25, 0.25  # shares of the epochs: the first phase, and the last one


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

    in_batch: in place of `loss` its estimate from the next items of a batch, which are encoded at that step: draws j by
    their frequencies q, whose e^{s(j)} / q_j have the mean sum_j e^{s(j)}. The encoder learns from items too.
    """

    def objective(module: nn.Module, split: Split, session: TrainingSession) -> Objective:
        train = split.train.take(np.flatnonzero(split.train.lengths > 1))
        if not len(train):
            raise UserError("no train history has two events, so there is no next item to learn from", code=3)
        share = np.bincount(train.items, minlength=split.n_items + 1).astype(np.float32) / len(train.items)
        log_draws = torch.from_numpy(np.log(np.maximum(share, 1e-9))).to(session.device)

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
            scores = (h @ module(asked[:, None]).T)[:, place]  # (B, B): the next items of the batch are the draws
            return ((scores - log_draws[targets] - math.log(len(targets))).logsumexp(1) - scores.diagonal()).mean()

        return Objective(batches, batch_loss, weight=len)

    return objective


class RefreshThenFreeze:
    """An `interfaces.Recommender`, `Scorer`, `Likelihood` and `ScoredByItems` of a module with `refresh` and an item
    table that it sets. The phases together have the epochs of the recipe; each goes on from the best epoch before."""

    def __init__(self, module: nn.Module, loss: LossOfStates, *, max_length: int):
        among_next, among_all = (next_of_prefixes(loss, max_length=max_length, in_batch=each) for each in (True, False))
        reader, renewed = WholeState(max_length), lambda epochs: module.refresh()
        self.in_batch = VectorRecommender(module, reader, among_next, each_epoch=renewed)
        self.following = VectorRecommender(module, reader, among_all, each_epoch=renewed)
        self.frozen = VectorRecommender(module, reader, among_all)
        self.module, self.reader, self.max_length, self.batch = module, reader, max_length, reader.batch
        self.likelihood, self.readout_mask, self.states = True, None, self.frozen.states
        self.trace, self.scores = self.frozen.trace, self.frozen.scores

    @property
    def device(self) -> torch.device:
        return self.module.item.weight.device

    def fit(self, split: Split, session: TrainingSession) -> list[dict]:
        """Train in three phases. Returns one learning curve."""
        self.module.to(session.device).refresh()
        validate = session.validate
        session = replace(session, validate=validate and (lambda _: validate(self)))
        epochs = session.recipe.epochs
        first, last = (max(1, round(share * epochs)) for share in (IN_BATCH, FROZEN))
        begun = replace(session, recipe=change_recipe(session.recipe, {"epochs": first}))
        curve = self.in_batch.fit(split, begun)
        for phase, part, n in (("following", self.following, epochs - first - last), ("frozen", self.frozen, last)):
            curve = continued(curve, part.fit(split, session.phase(phase, epochs=max(1, n))))
        return curve

    score = score_methods.score
    recommend = score_methods.recommend
    log_prob = score_methods.log_prob
    state = score_methods.state
    load_state = score_methods.load_state
