"""Matrix factorization: a score is the inner product of a user and an item embedding. The history is not read."""
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from workbench.data import Histories, Split
from workbench.interfaces import ReadoutPositions
from workbench.losses.ranking import bpr
from workbench.recommenders.triples import TripleBatches, fill_unknown
from workbench.recommenders.vector import Objective, VectorRecommender
from workbench.train import Recipe
from workbench.train.fit import TrainingSession

PAIRS_RECIPE = Recipe(
    epochs=200, batch_size=2048, lr=1e-2, patience=6, valid_every=5,
    sizes={"small": {"batch_size": 256, "patience": 3, "valid_every": 2}},
)  # fmt: skip  of bpr_mf and of what propagates its tables


class EmbeddingTables(nn.Module):
    """User ids (B,) to user embeddings (B, D).

    user: (U+1, D), the last row for unknown users. item: (I+1, D). bias: (I+1, 1), or None.
    """

    def __init__(self, n_users: int, n_items: int, *, width: int, bias: bool):
        super().__init__()
        self.user, self.item = nn.Embedding(n_users + 1, width), nn.Embedding(n_items + 1, width, padding_idx=0)
        self.bias = nn.Embedding(n_items + 1, 1, padding_idx=0) if bias else None
        for table in (self.user, self.item):
            nn.init.xavier_normal_(table.weight)  # small where a catalogue is large: a wide start learns slowly
        with torch.no_grad():
            self.item.weight[0] = 0
            if bias:
                self.bias.weight.zero_()

    def forward(self, users: Tensor) -> Tensor:
        return self.user(users)


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
        events = TripleBatches(split, session)

        def loss(index: np.ndarray, step: int) -> Tensor:
            users, positive, negative = events.triples(index, step)
            h = module(users)
            pair = [item_embeddings(module, positive), item_embeddings(module, negative)]
            value = bpr(*((h * vectors).sum(1) + bias for vectors, bias in pair))
            if not l2:
                return value
            squares = h.square().sum() + sum(vectors.square().sum() + bias.square().sum() for vectors, bias in pair)
            return value + l2 * squares / len(index)

        def set_unknown_users(epochs: int) -> None:
            with torch.no_grad():
                fill_unknown(module.user.weight, events.known_users)

        return Objective(events.batches, loss, each_epoch=set_unknown_users)

    return objective


def item_embeddings(module: nn.Module, items: Tensor) -> tuple[Tensor, Tensor]:
    """Embeddings (B, D) and biases (B,) of items (B,); biases are zero for a model without them."""
    vectors = module.item(items)
    return vectors, vectors.new_zeros(len(vectors)) if module.bias is None else module.bias(items)[:, 0]
