"""Matrix factorization: a score is the inner product of a user and an item embedding. The history is not read."""
import numpy as np
import torch
from torch import Tensor, nn

from workbench.data import Histories, Split
from workbench.errors import UserError
from workbench.interfaces import ReadoutPositions
from workbench.losses.ranking import bpr
from workbench.recommenders import score_methods
from workbench.train import named_rng
from workbench.train.fit import TrainingSession, fit


class MatrixFactorization:
    """An `interfaces.Recommender`, `Scorer` and `Traceable` around user and item embeddings, trained on pairs.

    module: maps user ids (B,) to embeddings (B, D). `user.weight` (U+1, D): after training, the last row and the rows
    of users without a train event hold the mean user embedding, which serves unknown users. `item.weight` (I+1, D);
    `bias.weight` (I+1, 1), or bias None. l2: weight of the squared norms of the embeddings and biases of a pair.
    """

    max_length = 2**31 - 1  # histories are not read, so there is no limit

    def __init__(self, module: nn.Module, *, l2: float):
        self.module, self.l2 = module, l2

    @property
    def device(self) -> torch.device:
        return self.module.item.weight.device

    def fit(self, split: Split, session: TrainingSession) -> list[dict]:
        """Train on every train event once per epoch, against a newly sampled item that its user does not have in train.
        The recipe's `batch_size` counts events here.

        UserError if every user has every item.
        """
        module = self.module.to(session.device)
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
            pair = [self.item_embeddings(positive), self.item_embeddings(negative)]
            value = bpr(*((h * vectors).sum(1) + bias for vectors, bias in pair))
            if not self.l2:
                return value
            squares = h.square().sum() + sum(vectors.square().sum() + bias.square().sum() for vectors, bias in pair)
            return value + self.l2 * squares / len(index)

        def set_unknown_users() -> None:
            with torch.no_grad():
                known = torch.zeros(len(module.user.weight), dtype=torch.bool)
                known[torch.from_numpy(users)] = True
                module.user.weight[~known] = module.user.weight[known].mean(0)

        def validate() -> dict[str, float]:
            set_unknown_users()
            return session.validate(self)

        curve = fit(module, batches, loss, session, validate=validate if session.validate else None)
        set_unknown_users()
        return curve

    def item_embeddings(self, items: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings (B, D) and biases (B,) of items (B,); biases are zero for a model without them."""
        vectors = self.module.item(items)
        return vectors, vectors.new_zeros(len(vectors)) if self.module.bias is None else self.module.bias(items)[:, 0]

    def states(self, histories: Histories) -> Tensor:
        """(B, D) embeddings of the users of the histories; the events of the histories are not read."""
        self.module.eval()
        unknown = len(self.module.user.weight) - 1
        users = histories.users.astype(np.int64)
        rows = np.where((users >= 0) & (users < unknown), users, unknown)
        return self.module(torch.from_numpy(rows).to(self.device))

    @torch.no_grad()
    def trace(self, histories: Histories) -> ReadoutPositions:
        """Look up the users: one readout position per non-empty history, at its last event."""
        self.states(histories)
        mask = histories.lengths > 0
        return ReadoutPositions(mask, histories.offsets[1:][mask] - 1, np.zeros(int(mask.sum()), np.int64))

    @torch.no_grad()
    def scores(self, histories: Histories) -> Tensor:
        """(B, I+1) on the module's device."""
        products = self.states(histories) @ self.module.item.weight.T
        return products if self.module.bias is None else products + self.module.bias.weight[:, 0]

    score = score_methods.score
    recommend = score_methods.recommend
    state = score_methods.state
    load_state = score_methods.load_state


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
