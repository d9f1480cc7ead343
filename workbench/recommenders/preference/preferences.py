"""Preferences of a next-item recommender: every next item of train is chosen over items drawn at random."""
from collections.abc import Callable
from copy import deepcopy

import numpy as np
import torch
from torch import Tensor, nn

from workbench.data import Split
from workbench.errors import UserError
from workbench.recommenders.sequential import token_batches
from workbench.recommenders.vector import Objective
from workbench.train import derive_seed, named_rng
from workbench.train.fit import TrainingSession

PreferenceLoss = Callable[[Tensor, Tensor, torch.Generator], Tensor]


def preferences(
    loss: PreferenceLoss, *, negatives: int, max_length: int
) -> Callable[[nn.Module, Split, TrainingSession], Objective]:
    """Learns every next item in train once per epoch, against `negatives` others.

    loss(policy, reference, generator): of scores (N, 1 + negatives) of the candidates, the next item first, by the
    module and by a frozen copy of it as training begins; generator: for what the loss draws. Dropout is off, so that
    both are the same at the start. Negatives are uniform among all other items. UserError, when called, if no train
    history has two events.
    """

    def objective(module: nn.Module, split: Split, session: TrainingSession) -> Objective:
        windows = split.train.windows(max_length + 1)
        if not len(windows):
            raise UserError("no train history has two events, so there is no next item to learn from", code=3)
        tokens = session.recipe.batch_size * max(1.0, float(np.mean(windows.lengths - 1)))
        reference = deepcopy(module).eval().requires_grad_(False)

        def batches(epoch: int) -> list[np.ndarray]:
            return token_batches(windows.lengths - 1, tokens, named_rng(session.seed, "order", epoch))

        def batch_loss(index: np.ndarray, step: int) -> Tensor:
            rows = torch.from_numpy(windows.take(index).padded())
            generator = torch.Generator().manual_seed(derive_seed(session.seed, "negatives", step))
            targets = rows[:, 1:][rows[:, 1:] > 0]
            candidates = with_negatives(targets, negatives, split.n_items, generator).to(session.device)
            rows = rows.to(session.device)
            policy = candidate_scores(module.eval(), rows, candidates)
            with torch.no_grad():
                before = candidate_scores(reference, rows, candidates)
            return loss(policy, before, generator)

        return Objective(batches, batch_loss, weight=lambda index: int((windows.lengths[index] - 1).sum()))

    return objective


def with_negatives(targets: Tensor, n: int, n_items: int, generator: torch.Generator) -> Tensor:
    """(N, 1 + n) candidates: targets (N,) and for each n items drawn uniformly, with replacement, from all others."""
    drawn = torch.randint(1, n_items, (len(targets), n), generator=generator)
    return torch.cat([targets[:, None], drawn + (drawn >= targets[:, None])], 1)


def candidate_scores(module: nn.Module, rows: Tensor, candidates: Tensor) -> Tensor:
    """(N, M) scores of the candidates (N, M) of every event but the first of each row (B, T), in row order."""
    states = module(rows[:, :-1])[rows[:, 1:] > 0]
    return torch.einsum("nd,nmd->nm", states, module.item(candidates))
