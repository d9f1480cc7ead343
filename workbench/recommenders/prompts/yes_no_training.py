"""What a judge of single items learns from: the next item is a yes, one drawn at random is a no (1:1)."""
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.data import Split
from workbench.errors import UserError
from workbench.recommenders.sequential import token_batches
from workbench.recommenders.vector import Objective
from workbench.train import named_rng
from workbench.train.fit import TrainingSession

OddsOfNext = Callable[[nn.Module, Tensor, Tensor], Tensor]


def yes_or_no(odds: OddsOfNext, *, max_length: int) -> Callable[[nn.Module, Split, TrainingSession], Objective]:
    """Binary cross-entropy of log-odds, once an epoch for every next item of train and for one item beside it, which
    is drawn uniformly from all others.

    odds(module, items (B, T), then (2, B, T)): log-odds (2, B, T) that items `then` are chosen after each event, two
    at a time. max_length: events read. UserError, when called, if no train history has two events.
    """

    def objective(module: nn.Module, split: Split, session: TrainingSession) -> Objective:
        windows = split.train.windows(max_length + 1)
        if not len(windows):
            raise UserError("no train history has two events, so there is no next item to learn from", code=3)
        tokens = session.recipe.batch_size * max(1.0, float(np.mean(windows.lengths - 1)))

        def batches(epoch: int) -> list[np.ndarray]:
            return token_batches(windows.lengths - 1, tokens, named_rng(session.seed, "order", epoch))

        def loss(index: np.ndarray, step: int) -> Tensor:
            rows = windows.take(index).padded()
            past, chosen = rows[:, :-1], rows[:, 1:]
            other = named_rng(session.seed, "not chosen", step).integers(1, split.n_items, chosen.shape)
            other += other >= chosen  # any item but the one that was chosen
            then = torch.from_numpy(np.stack([chosen, other])).to(session.device)
            pairs = odds(module, torch.from_numpy(past).to(session.device), then)[:, then[0] > 0]
            labels = torch.tensor([[1.0], [0.0]], device=pairs.device).expand_as(pairs)
            return F.binary_cross_entropy_with_logits(pairs, labels)

        return Objective(batches, loss, weight=lambda index: int((windows.lengths[index] - 1).sum()))

    return objective
