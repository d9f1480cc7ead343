"""Recommenders on a graph of users and items: a score is the product of two vectors, which edges have made of tables.

What is learnt is a table of users and one of items (`ego`); what is served are their vectors after propagation, made
anew after each epoch. The history of a user is not read.
"""
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.data import Split
from workbench.losses.ranking import bpr
from workbench.nets.propagation import Edges, mean_propagation
from workbench.recommenders.matrix_factorization import UserState
from workbench.recommenders.triples import TripleBatches, Triples, fill_unknown
from workbench.recommenders.vector import Objective, VectorRecommender
from workbench.train.fit import TrainingSession
from workbench.train.turns import Turn


class Vectors(NamedTuple):
    """Vectors of one pass. user: (U+1, D), item: (I+1, D), as they are scored. layers: those that the
    propagation keeps, (N, D) each, users and items stacked."""

    user: Tensor
    item: Tensor
    layers: list[Tensor]


class Table(nn.Module):
    """Vectors (n, D) that are looked up and not learnt; `fit` keeps buffers with the best weights."""

    def __init__(self, weight: Tensor):
        super().__init__()
        self.register_buffer("weight", weight.detach().clone())

    def forward(self, ids: Tensor) -> Tensor:
        return F.embedding(ids, self.weight)


class GraphTables(nn.Module):
    """Learnt tables of users and items, their propagation, and the vectors that are served.

    ego: has `user.weight` (U+1, D) and `item.weight` (I+1, D), learnt; `user` and `item`: the same sizes, served.
    propagation(x): x (N, D), the stacked tables, to those layers that a loss asks for, a list of such, and what is
    scored, (N, D). Where it draws noise or leaves edges out it does so while `training`. Its parameters are learnt too.
    """

    def __init__(self, ego: nn.Module, propagation: nn.Module):
        super().__init__()
        self.ego, self.propagation, self.bias = ego, propagation, None
        self.user, self.item = Table(ego.user.weight), Table(ego.item.weight)

    def forward(self, users: Tensor) -> Tensor:
        """(B, D) served vectors of users (B,)."""
        return self.user(users)

    def vectors(self) -> Vectors:
        """One pass over all nodes."""
        layers, scored = self.propagation(torch.cat([self.ego.user.weight, self.ego.item.weight]))
        return Vectors(*scored.split([len(self.user.weight), len(self.item.weight)]), layers)


Loss = Callable[[Vectors, Triples, int], Tensor]


def graph_recommender(
    module: GraphTables, *, loss: Loss | None = None, l2: float = 0.0, negatives: int = 1,
    each_epoch: Callable[[int], None] | None = None, turns: Sequence[Turn] = (), trainable: str | Sequence[str] = "*",
) -> VectorRecommender:  # fmt: skip
    """The recommender of propagated tables.

    loss(vectors, triples, step): what a batch is trained by; None is `pairwise`. l2: weight of the squared norms of the
    learnt rows of a triple, as in bpr_mf. negatives: of an event. each_epoch(epochs so far): renews what is derived
    from the weights, before the served vectors are; it keeps that in buffers. turns, trainable: see train.fit.
    """

    def objective(module: GraphTables, split: Split, session: TrainingSession) -> Objective:
        events = TripleBatches(split, session, negatives=negatives)

        def batch_loss(index: np.ndarray, step: int) -> Tensor:
            triples = events.triples(index, step)
            value = (loss or pairwise)(module.vectors(), triples, step)
            return value + l2 * squared_norm(module.ego, triples) / len(index) if l2 else value

        @torch.no_grad()
        def serve(epochs: int) -> None:
            if each_epoch:
                each_epoch(epochs)
            vectors = module.vectors()
            module.item.weight.copy_(vectors.item)
            module.user.weight.copy_(vectors.user)
            fill_unknown(module.user.weight, events.known_users)

        return Objective(events.batches, batch_loss, each_epoch=serve, turns=turns)

    return VectorRecommender(module, UserState(), objective, likelihood=False, trainable=trainable)


def pairwise(vectors: Vectors, triples: Triples, step: int) -> Tensor:
    """BPR of the scores of a batch."""
    users, items, negatives = rows(vectors, triples)
    return bpr((users * items).sum(1), (users * negatives).sum(1))


def rows(vectors: Vectors, triples: Triples) -> tuple[Tensor, Tensor, Tensor]:
    """(B, D) each: the vectors of users, items and negatives of a batch."""
    tables = (vectors.user, vectors.item, vectors.item)
    return tuple(F.embedding(ids, table) for ids, table in zip(triples, tables))


def squared_norm(ego: nn.Module, triples: Triples) -> Tensor:
    """The sum of squares of the learnt rows of a batch."""
    tables = (ego.user, ego.item, ego.item)
    return sum(table(ids).square().sum() for ids, table in zip(triples, tables))


class LightPropagation(nn.Module):
    """x (N, D) to the mean of its layers (LightGCN, arXiv:2002.02126, eq. 3, 8), of which it keeps the first alone."""

    def __init__(self, edges: Edges, layers: int):
        super().__init__()
        self.edges, self.layers = edges, layers

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        return [x], mean_propagation(self.edges, x, self.layers)


class NoPropagation(nn.Module):
    """x (N, D) to itself: tables that are scored as they are learnt."""

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        return [], x
