"""Next-item recommenders: an encoder of the history whose last state is multiplied with the item table."""
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from workbench.data import Histories, Split
from workbench.errors import UserError
from workbench.evaluate import top_k
from workbench.interfaces import Recommendations, Units
from workbench.recommenders.state_dict import take_over, weights
from workbench.train import stream
from workbench.train.fit import Session, fit


class Sequential:
    """A `roles.Recommender`, `Scorer` and `Likelihood` around a torch encoder.

    module: ids (B, T), right-padded, to states (B, T, D); its `item.weight` (I+1, D) is the output table too.
    loss(h, weight, targets, step): of states (N, D) at real targets (N,). max_length: events the encoder reads.
    """

    def __init__(self, module: nn.Module, *, loss: Callable[[Tensor, Tensor, Tensor, int], Tensor], max_length: int):
        self.module, self.loss, self.max_length = module, loss, max_length

    @property
    def device(self) -> torch.device:
        return self.module.item.weight.device

    def fit(self, split: Split, session: Session) -> list[dict]:
        """Train on every successor in train exactly once an epoch; long histories are cut into windows."""
        self.module.to(session.device)
        windows = split.train.windows(self.max_length + 1)
        if not len(windows):
            raise UserError("no train history holds two events, so there is no successor to learn from", code=3)
        tokens = session.recipe.batch_size * max(1.0, float(np.mean(windows.lengths - 1)))

        def batches(epoch: int) -> list[np.ndarray]:
            return token_batches(windows.lengths - 1, tokens, stream(session.seed, "order", epoch))

        def loss(index: np.ndarray, step: int) -> Tensor:
            rows = torch.from_numpy(windows.take(index).padded()).to(session.device)
            targets = rows[:, 1:]
            real = targets > 0
            return self.loss(self.module(rows[:, :-1])[real], self.module.item.weight, targets[real], step)

        validate = (lambda: session.validate(self)) if session.validate else None
        return fit(self.module, batches, loss, session, validate=validate)

    @torch.no_grad()
    def states(self, histories: Histories) -> Tensor:
        """(B, D) state after the last event of each history; an empty history reads one padding place."""
        self.module.eval()
        rows = torch.from_numpy(histories.padded(max(1, min(self.max_length, int(histories.lengths.max(initial=1))))))
        last = torch.from_numpy(np.clip(histories.lengths, 1, rows.shape[1]) - 1).to(self.device)
        return self.module(rows.to(self.device))[torch.arange(len(rows), device=self.device), last]

    @torch.no_grad()
    def trace(self, histories: Histories) -> Units:
        """A pass over histories of at most `max_length` events; a unit an event."""
        self.module.eval()
        rows = histories.padded()
        self.module(torch.from_numpy(rows).to(self.device))
        return Units(rows > 0, np.arange(len(histories.items)), np.zeros(len(histories.items), np.int64))

    @torch.no_grad()
    def scores(self, histories: Histories) -> Tensor:
        """(B, I+1) on the module's device."""
        return self.states(histories) @ self.module.item.weight.T

    def score(self, histories: Histories) -> np.ndarray:
        """(B, I+1) float32; column 0 is meaningless."""
        return self.scores(histories).cpu().numpy()

    def recommend(self, histories: Histories, k: int, exclude: Histories | None = None) -> Recommendations:
        """The k best items by score."""
        return top_k(self.scores(histories), k, exclude)

    def log_prob(self, histories: Histories, items: np.ndarray) -> np.ndarray:
        """(B, n) log-probability of items (B, n) under a softmax over the catalogue."""
        logits = self.scores(histories)[:, 1:].log_softmax(1).cpu().numpy()
        return np.take_along_axis(logits, np.asarray(items) - 1, axis=1)

    def state(self) -> dict[str, np.ndarray]:
        """The module's weights."""
        return weights(self.module)

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Take over weights."""
        take_over(self.module, state)


def token_batches(lengths: np.ndarray, tokens: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Index arrays of rows of similar length, shuffled, each with about `tokens` real places, so that padding is rare
    and every batch averages over about as many targets."""
    order = np.argsort(lengths + rng.random(len(lengths)), kind="stable")
    group = ((np.cumsum(lengths[order]) - lengths[order]) // tokens).astype(np.int64)
    parts = np.split(order, np.flatnonzero(np.diff(group)) + 1)
    return [parts[i] for i in rng.permutation(len(parts))]
