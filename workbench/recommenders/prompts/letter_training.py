"""What a lettered chooser learns from: the letter of the next item among what the first stage retrieves."""
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.data import Histories, Split
from workbench.errors import UserError
from workbench.interfaces import Recommender
from workbench.recommenders.vector import Objective
from workbench.train import named_rng
from workbench.train.fit import TrainingSession

PER_USER = 4  # events of an epoch for each user, on average
LetterLogits = Callable[[nn.Module, Histories, np.ndarray], Tensor]


def next_letter(
    first: Recommender, logits: LetterLogits, *, n: int, max_length: int
) -> Callable[[nn.Module, Split, TrainingSession], Objective]:
    """Cross-entropy of the letter of the next item, of the events of train whose next item is among the n retrieved.

    An epoch has PER_USER events for each user, drawn anew, and every list is shuffled. logits(module, histories,
    candidates (B, n)): (B, n). UserError, when called, if no next item is retrieved.
    """

    def objective(module: nn.Module, split: Split, session: TrainingSession) -> Objective:
        prefixes = split.train.prefixes(max_length + 1)
        past, then = prefixes.without_last(1), prefixes.items[prefixes.offsets[1:] - 1]
        retrieved = first.recommend(past, n).items if len(past) else np.zeros((0, n), np.int64)
        usable = np.flatnonzero((retrieved == then[:, None]).any(1))
        if not len(usable):
            raise UserError(f"of no event of train is the next item among the {n} retrieved", code=3)

        def batches(epoch: int) -> list[np.ndarray]:
            drawn = named_rng(session.seed, "order", epoch).permutation(usable)[: PER_USER * split.n_users]
            return np.array_split(drawn, -(-len(drawn) // session.recipe.batch_size))

        def loss(index: np.ndarray, step: int) -> Tensor:
            offered = named_rng(session.seed, "letters of a step", step).permuted(retrieved[index], axis=1)
            letter = (offered == then[index, None]).argmax(1)
            found = logits(module, past.take(index), offered)
            return F.cross_entropy(found, torch.from_numpy(letter).to(found.device))

        return Objective(batches, loss, weight=len)

    return objective
