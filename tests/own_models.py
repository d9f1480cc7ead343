"""Models of one's own, as a researcher would write them in a notebook, for tests of `bench.fit(model, name=...)`."""
import numpy as np
import torch
from torch import nn

from workbench.interfaces import Recommendations

WORLD, ITEMS = {"users": 300, "items": 80}, 75  # five items are never bought
SCALE = 1.0


def scaled(x):
    """A helper outside the class: its code and its constant are part of the model's."""
    return x * SCALE


class Net(nn.Module):
    """A causal network with tied weights, which scores every position."""

    def __init__(self, n_items=ITEMS, width=8, dropout=0.0):
        super().__init__()
        self.item = nn.Embedding(n_items + 1, width, padding_idx=0)
        self.encoder, self.dropout = nn.GRU(width, width, batch_first=True), nn.Dropout(dropout)
        self.score = nn.Linear(width, n_items + 1)
        self.score.weight = self.item.weight

    def forward(self, items):
        return self.score(scaled(self.dropout(self.encoder(self.item(items))[0])))


class Bag(nn.Module):
    """A network that scores after the last event alone, and has a loss of its own."""

    def __init__(self, n_items=ITEMS, width=8):
        super().__init__()
        self.item, self.pool = nn.Embedding(n_items + 1, width, padding_idx=0), nn.Identity()
        self.score = nn.Linear(width, n_items + 1)

    def forward(self, items):
        return self.score(self.pool(self.item(items).sum(1)))

    def negative(self, items, targets):
        scores = self(items)
        return nn.functional.softplus(scores.mean(1) - scores.gather(1, targets[:, None])[:, 0]).mean()


class Newest:
    """A recommender of one's own, of what was bought last."""

    def __init__(self, weight=1.0):
        self.weight, self.counts = weight, np.zeros(0)

    def fit(self, split, session):
        self.counts = split.train_counts().astype(float)
        return [{"epoch": 1, "loss": np.float32(0.5)}]

    def score(self, histories):
        scores = np.tile(self.counts / self.counts.max(), (len(histories), 1))
        scores[histories.rows(), histories.items] += self.weight
        return scores

    def recommend(self, histories, k, exclude=None):
        order = np.argsort(-self.score(histories)[:, 1:], axis=1, kind="stable")[:, :k] + 1
        return Recommendations(order, np.tile(-np.arange(k, dtype=float), (len(order), 1)))

    def state(self):
        return {"counts": self.counts}

    def load_state(self, state):
        self.counts = state["counts"]


def seeded(cls=Net, seed=0, **settings):
    torch.manual_seed(seed)
    return cls(**settings)


def untrainable(*args, **kwargs):
    """In place of `train_run`: nothing may be trained."""
    raise AssertionError("trained again")
