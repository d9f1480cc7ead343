"""Preferences of a next-item recommender: every next item of train is chosen over items drawn at random."""
from collections.abc import Callable
from copy import deepcopy
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from workbench.data import Histories, Split
from workbench.errors import UserError
from workbench.recommenders.sequential import token_batches
from workbench.recommenders.vector import Objective
from workbench.train import derive_seed, named_rng
from workbench.train.fit import TrainingSession

PreferenceLoss = Callable[[Tensor, Tensor, torch.Generator], Tensor]


class Candidates(NamedTuple):
    """How a recommender scores candidates while it learns (`learnable` makes it of any).

    scores(module, rows, items): (N, M) of candidates (N, M) for the N targets of rows, with a gradient, by a module of
    its shapes; log-probabilities but for what all candidates of a target share. every: whether each event of a row but
    its first is a target, else the last one is. max_length: of the events before a target.
    """

    scores: Callable[[nn.Module, Histories, Tensor], Tensor]
    every: bool
    max_length: int


def preferences(
    loss: PreferenceLoss, *, negatives: int, candidates: Candidates
) -> Callable[[nn.Module, Split, TrainingSession], Objective]:
    """Learns every next item in train once per epoch, against `negatives` others.

    loss(policy, reference, generator): of scores (N, 1 + negatives) of the candidates, the next item first, by the
    module and by a frozen copy of it as training begins; generator: for what the loss draws. Dropout is off, so that
    both are the same at the start. Negatives are uniform among all other items. UserError, when called, if no train
    history has two events.
    """

    def objective(module: nn.Module, split: Split, session: TrainingSession) -> Objective:
        length = candidates.max_length + 1
        rows = split.train.windows(length) if candidates.every else split.train.prefixes(length)
        if not len(rows):
            raise UserError("no train history has two events, so there is no next item to learn from", code=3)
        tokens = session.recipe.batch_size * max(1.0, float(np.mean(rows.lengths - 1)))
        reference = deepcopy(module).eval().requires_grad_(False)

        def batches(epoch: int) -> list[np.ndarray]:
            return token_batches(rows.lengths - 1, tokens, named_rng(session.seed, "order", epoch))

        def batch_loss(index: np.ndarray, step: int) -> Tensor:
            some = rows.take(index)
            generator = torch.Generator().manual_seed(derive_seed(session.seed, "negatives", step))
            targets = torch.from_numpy(targets_of(some, candidates.every))
            items = with_negatives(targets, negatives, split.n_items, generator).to(session.device)
            policy = candidates.scores(module.eval(), some, items)
            with torch.no_grad():
                before = candidates.scores(reference, some, items)
            return loss(policy, before, generator)

        return Objective(batches, batch_loss, weight=lambda index: int((rows.lengths[index] - 1).sum())
                         if candidates.every else len(index))  # fmt: skip

    return objective


def targets_of(rows: Histories, every: bool) -> np.ndarray:
    """(N,) int64 next items in rows of two events or more: each event but the first, in row order, or the last."""
    if not every:
        return rows.items[rows.offsets[1:] - 1].astype(np.int64)
    return np.delete(rows.items, rows.offsets[:-1]).astype(np.int64)


def with_negatives(targets: Tensor, n: int, n_items: int, generator: torch.Generator) -> Tensor:
    """(N, 1 + n) candidates: targets (N,) and for each n items drawn uniformly, with replacement, from all others."""
    drawn = torch.randint(1, n_items, (len(targets), n), generator=generator)
    return torch.cat([targets[:, None], drawn + (drawn >= targets[:, None])], 1)


def at_positions(max_length: int) -> Candidates:
    """Of a module of a sequential recommender, whose hidden state after every event is scored against the items."""

    def scores(module: nn.Module, rows: Histories, items: Tensor) -> Tensor:
        padded = torch.from_numpy(rows.padded()).to(items.device)
        states = module(padded[:, :-1])[padded[:, 1:] > 0]
        return torch.einsum("nd,nmd->nm", states, module.item(items))

    return Candidates(scores, True, max_length)
