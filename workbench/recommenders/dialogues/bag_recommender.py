"""The recommender of dialogues as bags of what they mention, trained on every movie that follows another one."""
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from workbench.data import Histories, Split
from workbench.data.dialogues.mentions import Mentions, entity_rows
from workbench.errors import UserError
from workbench.nets.dialogues.entity_bag import EntityBag, item_loss
from workbench.recommenders import score_methods
from workbench.recommenders.rows.user_rows import sparse_bag
from workbench.train import named_rng
from workbench.train.fit import TrainingSession, fit

BELOW = 1e3  # what is mentioned already is recommended after all else


class Augmentation(NamedTuple):
    """loss(step): added to that of the train dialogues. renew(epochs): what is done after each epoch; it keeps its
    result in buffers of the module."""

    loss: Callable[[int], Tensor]
    renew: Callable[[int], None]


class BagRecommender:
    """An `interfaces.Recommender` and `Scorer` around an `EntityBag`. augment(module, session): see `Augmentation`."""

    def __init__(
        self, module: EntityBag, mentions: Mentions, *,
        augment: Callable[[EntityBag, TrainingSession], Augmentation] | None = None,
    ):  # fmt: skip
        self.module, self.mentions, self.augment = module, mentions, augment

    @property
    def device(self) -> torch.device:
        return next(self.module.parameters()).device

    def fit(self, split: Split, session: TrainingSession) -> list[dict]:
        """Train on every event of train but the first of a user, given what was mentioned before it. UserError if there
        is none."""
        module = self.module.to(session.device)
        whole = split.train.prefixes(int(split.train.lengths.max(initial=1)))
        if not len(whole):
            raise UserError("no dialogue of train has two movies, so there is nothing to learn from", code=3)
        targets = torch.from_numpy(whole.items[whole.offsets[1:] - 1].astype(np.int64)).to(session.device)
        before = entity_rows(self.mentions, whole.without_last(1))
        n_batches = -(-len(targets) // session.recipe.batch_size)
        more = self.augment(module, session) if self.augment else None

        def batches(epoch: int) -> list[np.ndarray]:
            return np.array_split(named_rng(session.seed, "order", epoch).permutation(len(targets)), n_batches)

        def loss(index: np.ndarray, step: int) -> Tensor:
            own = item_loss(module(sparse_bag(before[index], session.device)), targets[index]).mean()
            return own + more.loss(step) if more else own

        validate = (lambda: session.validate(self)) if session.validate else None
        return fit(module, batches, loss, session, validate=validate, each_epoch=more.renew if more else None)

    @torch.no_grad()
    def scores(self, histories: Histories) -> Tensor:
        """(B, I+1) on the module's device."""
        self.module.eval()
        found = self.module(sparse_bag(entity_rows(self.mentions, histories), self.device))
        rows, items = (torch.from_numpy(ids.astype(np.int64)) for ids in (histories.rows(), histories.items))
        known = torch.zeros_like(found)
        known[rows.to(self.device), items.to(self.device)] = BELOW
        return found - known

    score = score_methods.score
    recommend = score_methods.recommend
    state = score_methods.state
    load_state = score_methods.load_state
