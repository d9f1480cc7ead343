"""Matrix factorization: a score is the inner product of a user and an item embedding. The history is not read."""
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from workbench.data import Histories, Split
from workbench.errors import UserError
from workbench.interfaces import ReadoutPositions
from workbench.losses.ranking import bpr
from workbench.recommenders.vector import Objective, VectorRecommender
from workbench.train import named_rng
from workbench.train.fit import TrainingSession


def matrix_factorization(module: nn.Module, *, l2: float) -> VectorRecommender:
    """The recommender of user and item embeddings, trained on pairs.

    module: maps user ids (B,) to embeddings (B, D). `user.weight` (U+1, D): after training, the last row and the rows
    of users without a train event hold the mean user embedding, which serves unknown users. `item.weight` (I+1, D);
    `bias.weight` (I+1, 1), or bias None. l2: weight of the squared norms of the embeddings and biases of a pair.
    """
    biased = module.bias is not None
    return VectorRecommender(module, UserState(), observed_items(l2=l2), biased=biased, likelihood=False)


class UserState:
    """A `vector.Reader`: the embedding of a history's user; its events are not read. One readout position per non-empty
    history, at its last event."""

    max_length = 2**31 - 1  # histories are not read, so there is no limit
    batch, readout_mask = 256, None

    def states(self, module: nn.Module, histories: Histories) -> Tensor:
        """(B, D) embeddings of the users of the histories."""
        unknown = len(module.user.weight) - 1
        users = histories.users.astype(np.int64)
        rows = np.where((users >= 0) & (users < unknown), users, unknown)
        return module(torch.from_numpy(rows).to(module.item.weight.device))

    def trace(self, module: nn.Module, histories: Histories) -> ReadoutPositions:
        """Look up the users."""
        self.states(module, histories)
        mask = histories.lengths > 0
        return ReadoutPositions(mask, histories.offsets[1:][mask] - 1, np.zeros(int(mask.sum()), np.int64))


def observed_items(*, l2: float) -> Callable[[nn.Module, Split, TrainingSession], Objective]:
    """Learns every train event once per epoch, against a newly sampled item that its user does not have in train. The
    recipe's `batch_size` counts events here. UserError, when called, if every user has every item."""

    def objective(module: nn.Module, split: Split, session: TrainingSession) -> Objective:
        sampler = NegativeSampler(split.train, split.n_items)
        users, items = split.train.users[split.train.rows()].astype(np.int64), split.train.items.astype(np.int64)
        usable = sampler.n_candidates(users) > 0
        users, items = users[usable], items[usable]
        if not len(users):
            raise UserError("every user has every item in train, so there are no negatives to sample", code=3)

        def batches(epoch: int) -> list[np.ndarray]:
            order = named_rng(session.seed, "order", epoch).permutation(len(users))
            return np.array_split(order, -(-len(order) // session.recipe.batch_size))

        def loss(index: np.ndarray, step: int) -> Tensor:
            negatives = sampler.sample(users[index], named_rng(session.seed, "negatives", step))
            arrays = (users[index], items[index], negatives)
            user, positive, negative = (torch.from_numpy(array).to(session.device) for array in arrays)
            h = module(user)
            pair = [item_embeddings(module, positive), item_embeddings(module, negative)]
            value = bpr(*((h * vectors).sum(1) + bias for vectors, bias in pair))
            if not l2:
                return value
            squares = h.square().sum() + sum(vectors.square().sum() + bias.square().sum() for vectors, bias in pair)
            return value + l2 * squares / len(index)

        def set_unknown_users(epochs: int) -> None:
            with torch.no_grad():
                known = torch.zeros(len(module.user.weight), dtype=torch.bool)
                known[torch.from_numpy(users)] = True
                module.user.weight[~known] = module.user.weight[known].mean(0)

        return Objective(batches, loss, each_epoch=set_unknown_users)

    return objective


def item_embeddings(module: nn.Module, items: Tensor) -> tuple[Tensor, Tensor]:
    """Embeddings (B, D) and biases (B,) of items (B,); biases are zero for a model without them."""
    vectors = module.item(items)
    return vectors, vectors.new_zeros(len(vectors)) if module.bias is None else module.bias(items)[:, 0]


class NegativeSampler:
    """Samples items that a user does not have in train, uniformly and without rejection.

    Sorted by id, the n-th positive of a user has n - 1 positives below it and therefore id - n negatives. The r-th
    negative (r from 0) is item 1 + r + p, where p counts the positives with at most r negatives below them.
    """

    def __init__(self, train: Histories, n_items: int):
        self.n_items = n_items
        pairs = np.unique(train.users[train.rows()].astype(np.int64) * (n_items + 1) + train.items)
        user, item = np.divmod(pairs, n_items + 1)
        self.first = np.concatenate([[0], np.cumsum(np.bincount(user))])
        self.below = user * (n_items + 1) + item - 1 - (np.arange(len(pairs)) - self.first[user])

    def n_candidates(self, users: np.ndarray) -> np.ndarray:
        """(N,) number of negatives of each user (N,); users must have train events."""
        return self.n_items - (self.first[users + 1] - self.first[users])

    def sample(self, users: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(N,) one random negative for each user (N,); every user must have at least one."""
        rank = (rng.random(len(users)) * self.n_candidates(users)).astype(np.int64)
        positives = np.searchsorted(self.below, users * (self.n_items + 1) + rank, side="right") - self.first[users]
        return 1 + rank + positives
