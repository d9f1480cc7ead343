"""Diffusion over rows, such as the entities that an item is linked to: noise is added, and a network removes it."""
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FIRST = 1e-4  # share of the signal that the first step takes away
TIME_FREQUENCIES = 10_000.0  # the slowest of the time embedding, as in transformers


class RowDenoiser(nn.Module):
    """Noisy rows (B, C) and their steps (B,) to the rows before the noise (B, C): one hidden layer with tanh, which
    reads the normalised row beside an embedding of the step."""

    def __init__(self, n_columns: int, *, width: int = 200, time_width: int = 10, dropout: float = 0.5):
        super().__init__()
        self.time = nn.Linear(time_width, time_width)
        self.inside = nn.Linear(n_columns + time_width, width)
        self.outside = nn.Linear(width, n_columns)
        self.dropout = nn.Dropout(dropout)
        for layer in (self.time, self.inside, self.outside):
            nn.init.xavier_normal_(layer.weight)
            nn.init.normal_(layer.bias, std=0.001)

    def forward(self, rows: Tensor, steps: Tensor) -> Tensor:
        of_step = self.time(step_embedding(steps, self.time.in_features))
        read = self.dropout(F.normalize(rows, dim=1))
        return self.outside(torch.tanh(self.inside(torch.cat([read, of_step], dim=1))))


def step_embedding(steps: Tensor, width: int) -> Tensor:
    """(B, width) cosines and sines of the steps (B,), of geometric frequencies from 1 downwards; a last column of zeros
    where the width is odd."""
    half = width // 2
    frequencies = torch.exp(-math.log(TIME_FREQUENCIES) / max(1, half) * torch.arange(half, device=steps.device))
    angles = steps[:, None] * frequencies
    return F.pad(torch.cat([angles.cos(), angles.sin()], dim=1), (0, width - 2 * half))


class RowDiffusion:
    """A denoising diffusion of T steps whose network predicts the row without noise.

    After step t (0..T-1) a row is sqrt(kept_t) x + sqrt(1 - kept_t) noise. 1 - kept_t grows evenly from scale * least
    to scale * most, but the first step loses FIRST: noise is light, so rows are blurred and not destroyed.
    """

    def __init__(self, steps: int, *, scale: float = 0.1, least: float = 1e-4, most: float = 0.02):
        self.steps = steps
        one = torch.ones(1, dtype=torch.float64)
        planned = torch.cat([one, 1 - torch.linspace(scale * least, scale * most, max(1, steps), dtype=torch.float64)])
        lost = (1 - planned[1:] / planned[:-1])[:steps]
        lost[:1] = FIRST
        kept = (1 - lost).cumprod(0)
        before = torch.cat([one, kept])[:steps]
        ratio = kept / (1 - kept)  # of signal and noise
        self.kept, self.weight = kept.float(), torch.cat([one, ratio[:-1] - ratio[1:]])[:steps].float()
        self.of_prediction = (lost * before.sqrt() / (1 - kept)).tolist()
        self.of_row = ((1 - before) * (1 - lost).sqrt() / (1 - kept)).tolist()

    def noised(self, rows: Tensor, steps: Tensor, noise: Tensor) -> Tensor:
        """(B, C) rows after their steps (B,), for standard normal noise (B, C)."""
        kept = self.kept.to(rows.device)[steps][:, None]
        return kept.sqrt() * rows + (1 - kept).sqrt() * noise

    def loss(self, predicted: Tensor, rows: Tensor, steps: Tensor) -> Tensor:
        """Mean over rows (B, C) of their mean squared error, weighted by how much of kept / (1 - kept) the step takes
        away; by 1 at the first step."""
        return (self.weight.to(rows.device)[steps] * (predicted - rows).square().mean(1)).mean()

    @torch.no_grad()
    def restore(self, denoiser: nn.Module, rows: Tensor) -> Tensor:
        """(B, C) scores: rows are read as if noisy, and steps T-1..0 taken back, each to the mean of its posterior.
        T = 0 gives the rows themselves."""
        for step in range(self.steps - 1, -1, -1):
            predicted = denoiser(rows, torch.full((len(rows),), step, device=rows.device))
            rows = self.of_prediction[step] * predicted + self.of_row[step] * rows
        return rows
