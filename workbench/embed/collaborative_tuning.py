"""Item vectors tuned on what people chose next: contrast between a history and the item that follows it."""
import numpy as np
import torch
from torch import Tensor, nn

from workbench.data import Histories
from workbench.losses.contrast import info_nce
from workbench.progress import Progress
from workbench.train.rng import named_rng, seeded_torch

HIDDEN, TAU, RECENT, BATCH, RATE = 256, 0.05, 10, 512, 1e-3


class ResidualTower(nn.Module):
    """x (..., C) to x + U gelu(V x), U = 0 at the start: the vectors as they are."""

    def __init__(self, width: int, hidden: int = HIDDEN):
        super().__init__()
        self.down, self.up = nn.Linear(width, hidden), nn.Linear(hidden, width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.up(nn.functional.gelu(self.down(x)))


def tuned_vectors(vectors: np.ndarray, train: Histories, *, epochs: int, seed: int) -> np.ndarray:
    """(I+1, C) float32 vectors of unit length, tuned on pairs of a train history and its next item.

    In every epoch each history of two or more events gives one pair, its place drawn anew: the mean of the tuned
    vectors of at most RECENT events, and the tuned vector of the next one. The loss is InfoNCE over the batch, where
    equal next items are positives of one another. vectors: (I+1, C); rows of 0 stay 0. Without epochs they are only
    normalised.
    """
    x = nn.functional.normalize(torch.from_numpy(np.ascontiguousarray(vectors, np.float32)), dim=1)
    known = x.any(1, keepdim=True)
    histories = train.take(np.flatnonzero(train.lengths > 1))
    with seeded_torch(seed, "tower"):
        tower = ResidualTower(x.shape[1])
    optimiser = torch.optim.AdamW(tower.parameters(), lr=RATE, weight_decay=1e-4)
    with Progress("tune vectors", epochs) as progress:
        for epoch in range(epochs if len(histories) else 0):
            rng = named_rng(seed, "pairs", epoch)
            ends = 1 + (rng.random(len(histories)) * (histories.lengths - 1)).astype(np.int64)  # events before the next
            for rows in np.array_split(rng.permutation(len(histories)), -(-len(histories) // BATCH)):
                loss = _pair_loss(tower, x, histories.take(rows), ends[rows])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
            progress.step(note=f"loss {loss.item():.3f}")
    with torch.no_grad():
        return (nn.functional.normalize(tower(x), dim=1) * known).numpy()


def _pair_loss(tower: ResidualTower, x: Tensor, histories: Histories, ends: np.ndarray) -> Tensor:
    """Contrast of what was chosen before `ends` (B,) events with what came next."""
    following = torch.from_numpy(histories.items[histories.offsets[:-1] + ends].astype(np.int64))
    before = torch.from_numpy(histories.without_last(histories.lengths - ends).padded(RECENT))
    real = (before > 0)[..., None]
    mean = (tower(x[before]) * real).sum(1) / real.sum(1)
    return info_nce(mean, tower(x[following]), TAU, positives=following[:, None] == following[None])
