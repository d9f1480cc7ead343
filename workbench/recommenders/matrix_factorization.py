"""Factor models: a vector for each user and each item, and their products. No history is read."""
import numpy as np
import torch
from torch import Tensor, nn

from workbench.data import Histories, Split
from workbench.errors import UserError
from workbench.evaluate import top_k
from workbench.interfaces import Recommendations, Units
from workbench.losses.ranking import bpr
from workbench.recommenders.state_dict import take_over, weights
from workbench.train import stream
from workbench.train.fit import Session, fit


class Factor:
    """A `roles.Recommender`, `Scorer` and `Traceable` around a table of users and one of items, learned from pairs.

    module: user ids (B,) to vectors (B, D). `user.weight` (U+1, D): after training, the last row and those of users
    without a train event hold the mean of the others, so that whoever is unknown gets what suits the average user.
    `item.weight` (I+1, D); `bias.weight` (I+1, 1), or bias None. l2: weight of the squared lengths of the vectors and
    biases of a pair.
    """

    max_length = 2**31 - 1  # a history is looked up, not read, so none is too long

    def __init__(self, module: nn.Module, *, l2: float):
        self.module, self.l2 = module, l2

    @property
    def device(self) -> torch.device:
        return self.module.item.weight.device

    def fit(self, split: Split, session: Session) -> list[dict]:
        """Train on every train event once an epoch, against an item that its user has not in train, drawn anew each
        time. The recipe's `batch_size` counts events here.

        UserError where nobody has left an item out.
        """
        module = self.module.to(session.device)
        unread = Unread(split.train, split.n_items)
        users, items = split.train.users[split.train.rows()].astype(np.int64), split.train.items.astype(np.int64)
        usable = unread.left(users) > 0
        users, items = users[usable], items[usable]
        if not len(users):
            raise UserError("every user has every item in train, so there is nothing to prefer it to", code=3)

        def batches(epoch: int) -> list[np.ndarray]:
            order = stream(session.seed, "order", epoch).permutation(len(users))
            return np.array_split(order, -(-len(order) // session.recipe.batch_size))

        def loss(index: np.ndarray, step: int) -> Tensor:
            other = unread.draw(users[index], stream(session.seed, "negatives", step))
            who, right, wrong = (torch.from_numpy(a).to(session.device) for a in (users[index], items[index], other))
            h = module(who)
            sides = [self.item_rows(right), self.item_rows(wrong)]
            value = bpr(*((h * rows).sum(1) + bias for rows, bias in sides))
            if not self.l2:
                return value
            size = h.square().sum() + sum(rows.square().sum() + bias.square().sum() for rows, bias in sides)
            return value + self.l2 * size / len(index)

        def settle() -> None:
            with torch.no_grad():
                known = torch.zeros(len(module.user.weight), dtype=torch.bool)
                known[torch.from_numpy(users)] = True
                module.user.weight[~known] = module.user.weight[known].mean(0)

        def validate() -> dict[str, float]:
            settle()
            return session.validate(self)

        curve = fit(module, batches, loss, session, validate=validate if session.validate else None)
        settle()
        return curve

    def item_rows(self, items: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors (B, D) and biases (B,), zero without them, of items (B,)."""
        rows = self.module.item(items)
        return rows, rows.new_zeros(len(rows)) if self.module.bias is None else self.module.bias(items)[:, 0]

    def states(self, histories: Histories) -> Tensor:
        """(B, D) vectors of the users whose histories these are; what the histories hold is not looked at."""
        self.module.eval()
        unknown = len(self.module.user.weight) - 1
        users = histories.users.astype(np.int64)
        known = np.where((users >= 0) & (users < unknown), users, unknown)
        return self.module(torch.from_numpy(known).to(self.device))

    @torch.no_grad()
    def trace(self, histories: Histories) -> Units:
        """The vectors of the users: a unit each, at the last event of the history; none where there is no event."""
        self.states(histories)
        some = histories.lengths > 0
        return Units(some, histories.offsets[1:][some] - 1, np.zeros(int(some.sum()), np.int64))

    @torch.no_grad()
    def scores(self, histories: Histories) -> Tensor:
        """(B, I+1) on the module's device."""
        found = self.states(histories) @ self.module.item.weight.T
        return found if self.module.bias is None else found + self.module.bias.weight[:, 0]

    def score(self, histories: Histories) -> np.ndarray:
        """(B, I+1) float32; column 0 is meaningless."""
        return self.scores(histories).cpu().numpy()

    def recommend(self, histories: Histories, k: int, exclude: Histories | None = None) -> Recommendations:
        """The k best items by score."""
        return top_k(self.scores(histories), k, exclude)

    def state(self) -> dict[str, np.ndarray]:
        """The module's weights."""
        return weights(self.module)

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Take over weights."""
        take_over(self.module, state)


class Unread:
    """Draws items that a user has not in train, each with the same probability, without trying twice.

    For the n-th item of a user, sorted by id, n - 1 ids below it are read, so (id - n) are not: the r-th unread item
    lies as many read ids further as have no more than r unread ones below them.
    """

    def __init__(self, train: Histories, n_items: int):
        self.n_items = n_items
        pairs = np.unique(train.users[train.rows()].astype(np.int64) * (n_items + 1) + train.items)
        user, item = np.divmod(pairs, n_items + 1)
        self.first = np.concatenate([[0], np.cumsum(np.bincount(user))])
        self.below = user * (n_items + 1) + item - 1 - (np.arange(len(pairs)) - self.first[user])

    def left(self, users: np.ndarray) -> np.ndarray:
        """(N,) how many items each user (N,), who has train events, has not read."""
        return self.n_items - (self.first[users + 1] - self.first[users])

    def draw(self, users: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(N,) an unread item for each user (N,) who has some left."""
        rank = (rng.random(len(users)) * self.left(users)).astype(np.int64)
        read = np.searchsorted(self.below, users * (self.n_items + 1) + rank, side="right") - self.first[users]
        return 1 + rank + read
