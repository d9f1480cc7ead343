"""Batches of triples: a train event of a user and an item, and items that the user does not have in train."""
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from workbench.data import Histories, Split
from workbench.errors import UserError
from workbench.train import named_rng
from workbench.train.fit import TrainingSession


class Triples(NamedTuple):
    """Ids of users (B,), of the items they have (B,), and of items they do not have: (B,), or (B, M) of several."""

    users: Tensor
    items: Tensor
    negatives: Tensor


class TripleBatches:
    """Every train event once per epoch, in a new order, against newly sampled items.

    negatives: of an event. UserError if every user has every item.
    """

    def __init__(self, split: Split, session: TrainingSession, *, negatives: int = 1):
        self.session, self.negatives = session, negatives
        self.sampler = NegativeSampler(split.train, split.n_items)
        users, items = split.train.users[split.train.rows()].astype(np.int64), split.train.items.astype(np.int64)
        usable = self.sampler.n_candidates(users) > 0
        self.users, self.items = users[usable], items[usable]
        if not len(self.users):
            raise UserError("every user has every item in train, so there are no negatives to sample", code=3)

    @property
    def known_users(self) -> np.ndarray:
        """The users of the events."""
        return np.unique(self.users)

    def batches(self, epoch: int) -> list[np.ndarray]:
        """Places of events, at most the recipe's `batch_size` together."""
        order = named_rng(self.session.seed, "order", epoch).permutation(len(self.users))
        return np.array_split(order, -(-len(order) // self.session.recipe.batch_size))

    def triples(self, index: np.ndarray, step: int) -> Triples:
        """The events at places (B,) of a step, on the session's device."""
        users, rng = self.users[index], named_rng(self.session.seed, "negatives", step)
        negatives = self.sampler.sample(np.repeat(users, self.negatives), rng)
        if self.negatives > 1:
            negatives = negatives.reshape(len(users), self.negatives)
        arrays = (users, self.items[index], negatives)
        return Triples(*(torch.from_numpy(array).to(self.session.device) for array in arrays))


def fill_unknown(weight: Tensor, known: np.ndarray) -> None:
    """Gives the rows of users (U+1, D) without a train event, and the last one, the mean of those that are known."""
    mask = torch.zeros(len(weight), dtype=torch.bool)
    mask[torch.from_numpy(known)] = True
    weight[~mask] = weight[mask].mean(0)


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
