"""A second graph beside that of users and items: users and the groups that items are in, such as projects of files."""
import logging
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.data import Split
from workbench.losses.contrast import info_nce
from workbench.losses.ranking import bpr
from workbench.nets.propagation import Edges, mean_of, propagate, user_item_edges
from workbench.recommenders.matrix_factorization import EmbeddingTables
from workbench.recommenders.triples import NegativeSampler, Triples
from workbench.train import named_rng

log = logging.getLogger("workbench")


class GroupGraph(nn.Module):
    """Learnt vectors of users and groups, and their layers in the graph of who has an item of which group in train.

    group: (I+1,) int64, the group 1..G of each item, 0 of padding.
    """

    def __init__(self, split: Split, group: np.ndarray, *, width: int, layers: int):
        super().__init__()
        self.n_groups, self.layers = int(group.max()), layers
        self.tables = EmbeddingTables(split.n_users, self.n_groups, width=width, bias=False)
        users, groups = split.train.users[split.train.rows()], group[split.train.items]
        self.edges = Edges(user_item_edges(users, groups, split.n_users, self.n_groups))
        self.register_buffer("of_item", torch.from_numpy(group), persistent=False)

    def forward(self, start: Tensor | None = None) -> list[Tensor]:
        """Layers (U+1 + G+1, D), users first. start: (G+1, D), added to the groups' learnt vectors."""
        groups = self.tables.item.weight if start is None else self.tables.item.weight + start
        return propagate(self.edges, torch.cat([self.tables.user.weight, groups]), self.layers)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """A layer as users (U+1, D) and groups (G+1, D)."""
        return x.split([len(self.tables.user.weight), self.n_groups + 1])


def group_loss(
    split: Split, group: np.ndarray, seed: int, *, tau: float
) -> Callable[[GroupGraph, list[Tensor], Triples, int], tuple[Tensor, Tensor]]:  # fmt: skip
    """What the graph of groups is trained by: a function (graph, layers, triples, step) that gives two values.

    BPR of the mean layers, of a user and the group of the item of a triple against a group that the user has nothing
    of, sampled uniformly; 0 of users who have items of every group. InfoNCE of the last layer and the first, of a
    batch's users and of its groups, by cosines / tau.
    """
    histories, n_groups = replace(split.train, items=group[split.train.items].astype(np.int32)), int(group.max())
    sampler = NegativeSampler(histories, n_groups)
    if n_groups == 1:
        log.warning("all items are of one group, so there is no other to rank it above")

    def loss(graph: GroupGraph, layers: list[Tensor], triples: Triples, step: int) -> tuple[Tensor, Tensor]:
        users, groups = triples.users, graph.of_item[triples.items]
        z, r = graph.split(mean_of(layers))
        known = users.cpu().numpy()
        others = sampler.n_candidates(known) > 0
        rank = torch.zeros((), device=z.device)
        if others.any():
            negatives = sampler.sample(known[others], named_rng(seed, "negative groups", step))
            rows = torch.from_numpy(others).to(z.device)
            u, negative = F.embedding(users[rows], z), F.embedding(torch.from_numpy(negatives).to(z.device), r)
            rank = bpr((u * F.embedding(groups[rows], r)).sum(1), (u * negative).sum(1))
        sides = zip(graph.split(layers[-1]), graph.split(layers[0]), (users.unique(), groups.unique()))
        return rank, sum(info_nce(last[ids], first[ids], tau) for last, first, ids in sides)

    return loss
