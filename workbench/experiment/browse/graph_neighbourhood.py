"""One user in the graph of train: who and what is reached in how many hops, and the list of a trained network when it
propagates over fewer or more layers, or with noise. Nothing is trained."""
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.sparse import csr_matrix

from workbench.arguments import public
from workbench.data.graph import binary_user_items
from workbench.errors import UserError
from workbench.evaluate import top_k
from workbench.experiment.browse.users import row_of_user
from workbench.interfaces import Recommender
from workbench.nets.propagation import mean_of, propagate, signed_noise
from workbench.recommenders.graphs.propagated import GraphTables
from workbench.recommenders.vector import VectorRecommender
from workbench.train import seeded_torch

HOPS = ("the user", "items of the user", "users who share one", "items of those", "users who have one")


@public
@dataclass(frozen=True)
class GraphNeighbourhood:
    """A test user of a bench in the graph of its train events. UserError if the user has no test case."""

    bench: Any
    user: int

    def __post_init__(self) -> None:
        row_of_user(self.bench, self.user)

    @cached_property
    def seen(self) -> csr_matrix:
        """(U, I+1) 1 where a user has an item in train."""
        split = self.bench.split
        return binary_user_items(split.train, split.n_items)

    @cached_property
    def held_out(self) -> np.ndarray:
        """(t,) the user's test items."""
        test = self.bench.split.test
        return test.take(np.array([row_of_user(self.bench, self.user)])).targets

    def by_hops(self) -> pd.DataFrame:
        """One row for each number of hops: who or what is reached, how many nodes are reached first there, their share
        of all users or items, and how many of the held-out items are among them."""
        users, items = np.zeros(self.seen.shape[0], bool), np.zeros(self.seen.shape[1], bool)
        users[self.user] = True
        rows = [(1, 1 / len(users), 0)]
        for hop in range(1, len(HOPS)):
            side, matrix = (items, self.seen.T) if hop % 2 else (users, self.seen)
            reached = np.asarray(matrix @ (users if hop % 2 else items)).ravel() > 0
            new = reached & ~side
            side |= reached
            total = len(side) - hop % 2  # without padding
            rows.append((int(new.sum()), new.sum() / total, int(new[self.held_out].sum()) if hop % 2 else 0))
        frame = pd.DataFrame(rows, columns=["nodes", "share", "held out"])
        return frame.assign(reached=HOPS).rename_axis("hops")[["reached", "nodes", "share", "held out"]]

    def nearest(self, n: int = 8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """At most n of the user's items, newest first, of the users who share most of all their items, and of the other
        items that these have, by how many of them have it."""
        own = self.bench.split.train.row(self.user)[::-1]
        shared = np.asarray(self.seen @ self.seen[self.user].T.todense()).ravel()
        shared[self.user] = 0
        users = np.argsort(-shared, kind="stable")[: min(n, int((shared > 0).sum()))]
        votes = np.asarray(self.seen[users].sum(0)).ravel()
        votes[[0, *own]] = 0
        return own[:n], users, np.argsort(-votes, kind="stable")[: min(n, int((votes > 0).sum()))]

    def by_layers(
        self, recommender: Recommender, layers: Sequence[int] = (0, 1, 2, 3), *, noise: float = 0.0, k: int = 10,
        seed: int = 0,
    ) -> pd.DataFrame:
        """(k, layers) titles of the lists by the mean of the first layers of a trained propagation, whatever number it
        was learnt with; 0 takes the learnt tables alone. noise: length of signed noise in every layer.

        attrs["same"]: items of each list that are in that of the recommender. attrs["found"]: of the held-out items.
        UserError for a recommender whose vectors are not propagated, or a number of layers below 0.
        """
        module = recommender.module if isinstance(recommender, VectorRecommender) else None
        if not isinstance(module, GraphTables):
            raise UserError("the vectors of this recommender are not propagated over a graph; those of lightgcn are")
        if not len(layers) or min(layers) < 0 or not noise >= 0:
            raise UserError(f"layers={list(layers)} are whole numbers from 0, {noise=} a number from 0")
        lists = {f"{n} layer{'s' * (n != 1)}": self._list(module, n, noise, k, seed) for n in layers}
        own = self._ranked(module.user.weight, module.item.weight, k)
        frame = pd.DataFrame({name: self.bench.dataset.titles(items) for name, items in lists.items()})
        frame.index = pd.RangeIndex(1, 1 + k, name="rank")
        frame.attrs["same"] = {name: int(np.isin(items, own).sum()) for name, items in lists.items()}
        frame.attrs["found"] = {name: int(np.isin(items, self.held_out).sum()) for name, items in lists.items()}
        return frame

    @torch.no_grad()
    def _list(self, module: GraphTables, layers: int, noise: float, k: int, seed: int) -> np.ndarray:
        x = torch.cat([module.ego.user.weight, module.ego.item.weight])
        with seeded_torch(seed, "noise"):
            after = (lambda y, layer: y + signed_noise(y, noise)) if noise else None
            mean = mean_of(propagate(module.propagation.edges, x, layers, after=after))
        return self._ranked(*mean.split([len(module.user.weight), len(module.item.weight)]), k)

    def _ranked(self, user: torch.Tensor, item: torch.Tensor, k: int) -> np.ndarray:
        scores = (item @ user[self.user]).detach().cpu().numpy()[None].copy()
        history = self.bench.split.test.histories.take(np.array([row_of_user(self.bench, self.user)]))
        return top_k(scores, k, history if self.bench.protocol.mask_history else None).items[0]
