"""Recommenders trained on users' rows of items: an autoencoder reads a row, whoever's it is, and gives it back.

A history is read as the set of its items, so that a user who is not in train is served by the history given.
"""
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from workbench.data import Histories, Split
from workbench.errors import UserError
from workbench.interfaces import ReadoutPositions
from workbench.nets.rows.bags import Bag
from workbench.recommenders.vector import Objective, VectorRecommender
from workbench.train import named_rng
from workbench.train.fit import TrainingSession

RowLoss = Callable[[nn.Module, Histories, int, float], Tensor]


def user_rows(module: nn.Module, *, loss: RowLoss) -> VectorRecommender:
    """The recommender of an autoencoder of rows.

    module: maps a `Bag` of B rows to states (B, D); `item.weight` is (I+1, D), `bias.weight` (I+1, 1).
    loss(module, rows, step, share): of a batch of rows, `Histories` of distinct items; share, from 0 to 1, is how much
    of the recipe's training is done.
    """
    return VectorRecommender(module, RowState(), each_row(loss), biased=True)


class RowState:
    """A `vector.Reader`: the state of the set of items of a history; users are not read. One readout position per
    non-empty history, at its last event."""

    max_length = 2**31 - 1  # a sum of rows of a table has no longest one
    batch, readout_mask = 256, None

    def states(self, module: nn.Module, histories: Histories) -> Tensor:
        """(B, D); an empty history is a row of zeros."""
        return module(item_bag(distinct_items(histories), module.item.weight.device))

    def trace(self, module: nn.Module, histories: Histories) -> ReadoutPositions:
        """Run the histories."""
        self.states(module, histories)
        mask = histories.lengths > 0
        return ReadoutPositions(mask, histories.offsets[1:][mask] - 1, np.zeros(int(mask.sum()), np.int64))


def each_row(loss: RowLoss) -> Callable[[nn.Module, Split, TrainingSession], Objective]:
    """Learns the row of every user with a train event once per epoch, the mean of `loss` over batches of rows. The
    recipe's `batch_size` counts users here. UserError, when called, if train has no event."""

    def objective(module: nn.Module, split: Split, session: TrainingSession) -> Objective:
        rows = distinct_items(split.train)
        users = np.flatnonzero(rows.lengths)
        if not len(users):
            raise UserError("train has no event, so there is no row to learn from", code=3)
        n_batches = -(-len(users) // session.recipe.batch_size)
        steps = session.recipe.epochs * n_batches

        def batches(epoch: int) -> list[np.ndarray]:
            return np.array_split(named_rng(session.seed, "order", epoch).permutation(users), n_batches)

        return Objective(batches, lambda index, step: loss(module, rows.take(index), step, step / steps))

    return objective


def distinct_items(histories: Histories) -> Histories:
    """The histories with each of their items once, in order of ids."""
    rows = histories.rows()
    order = np.lexsort((histories.items, rows))
    rows, items = rows[order], histories.items[order]
    new = np.ones(len(items), bool)
    new[1:] = (rows[1:] != rows[:-1]) | (items[1:] != items[:-1])
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows[new], minlength=len(histories)))])
    return histories.select(offsets, histories.users, order[new])


def item_bag(rows: Histories, device: torch.device) -> Bag:
    """Rows of distinct items as a bag of rows of length 1: each entry weighs 1 / sqrt(items of its row)."""
    weights = np.repeat(1 / np.sqrt(np.maximum(rows.lengths, 1)), rows.lengths)
    return _bag(rows.items, rows.offsets, weights, device)


def sparse_bag(matrix: csr_matrix, device: torch.device) -> Bag:
    """The rows of a sparse matrix (B, ids+1) as a bag; column 0 is empty."""
    return _bag(matrix.indices, matrix.indptr, matrix.data, device)


def _bag(ids: np.ndarray, offsets: np.ndarray, weights: np.ndarray, device: torch.device) -> Bag:
    arrays = (ids.astype(np.int64), offsets.astype(np.int64), weights.astype(np.float32))
    return Bag(*(torch.from_numpy(array).to(device) for array in arrays))


class StepNoise(NamedTuple):
    """Random numbers of one step of a training, each name with a stream of its own."""

    seed: int
    step: int

    def gaussian(self, name: str, shape: Sequence[int], device: torch.device) -> Tensor:
        """Standard Gaussian."""
        drawn = named_rng(self.seed, name, self.step).standard_normal(tuple(shape), np.float32)
        return torch.from_numpy(drawn).to(device)

    def gumbel(self, name: str, shape: Sequence[int], device: torch.device) -> Tensor:
        """Standard Gumbel: what is added to the logs of shares, so that the largest is a sample (Maddison et al. 2017,
        arXiv:1611.00712)."""
        drawn = named_rng(self.seed, name, self.step).gumbel(size=tuple(shape)).astype(np.float32)
        return torch.from_numpy(drawn).to(device)
