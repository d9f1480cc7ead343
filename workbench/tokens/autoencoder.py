"""What the tokenizers that are autoencoders share: checked and scaled rows, an MLP, and a training of fixed length."""
import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from workbench.errors import UserError
from workbench.progress import Progress
from workbench.tokens.rq_kmeans import unit_rows_and_norms, validated_vectors
from workbench.train.rng import named_rng

WEIGHT_DECAY = 1e-4
BATCH = 1024  # rows of a training step
CHUNK = 4096  # rows encoded at a time
MAX_EPOCHS = 300  # a small catalogue trains for fewer steps


class Scaling(NamedTuple):
    """Rows to the scale of a network: of mean (D,), after which `spread` is the root mean square of the entries."""

    mean: Tensor
    spread: float
    normalize: bool

    def to_network(self, vectors: np.ndarray) -> Tensor:
        """(n, D) float32. UserError for vectors that are not finite rows of D columns."""
        rows, width = torch.from_numpy(np.ascontiguousarray(vectors, np.float32)), len(self.mean)
        if rows.ndim != 2 or rows.shape[1] != width or not rows.isfinite().all():
            raise UserError(f"vectors of shape {tuple(rows.shape)}; expected finite ones of {width} columns")
        rows = unit_rows_and_norms(rows)[0] if self.normalize else rows
        return (rows - self.mean) / self.spread

    def from_network(self, rows: Tensor) -> np.ndarray:
        """(n, D) float32 in the units of the vectors, or of their unit rows."""
        return (rows * self.spread + self.mean).numpy()


def fit_scaling(vectors: np.ndarray, normalize: bool) -> tuple[Scaling, Tensor]:
    """The scaling of vectors (n, D), and the scaled rows. normalize: rows are scaled to unit norm first. UserError as
    `validated_vectors`."""
    rows = validated_vectors(vectors, normalize)
    rows = unit_rows_and_norms(rows)[0] if normalize else rows
    mean = rows.mean(0)
    scaling = Scaling(mean, (rows - mean).square().mean().sqrt().item(), normalize)
    return scaling, (rows - mean) / scaling.spread


def mlp(*widths: int) -> nn.Sequential:
    """Linear layers of these widths with a SiLU between each two."""
    layers: list[nn.Module] = []
    for before, after in zip(widths, widths[1:]):
        layers += [nn.Linear(before, after), nn.SiLU()]
    return nn.Sequential(*layers[:-1])


def train(
    parameters: Iterable[nn.Parameter], n_rows: int, loss_of: Callable[[Tensor, int], Tensor], *, steps: int,
    rate: float, seed: int, label: str,
) -> float:  # fmt: skip
    """Minimise loss_of(index (n,) of the rows of a batch, step) by AdamW with a cosine schedule; returns the epochs.

    Each epoch takes the n_rows rows in an order drawn from the stream (seed, label, epoch), in batches of at most
    BATCH.
    """
    optimiser = torch.optim.AdamW(parameters, lr=rate, weight_decay=WEIGHT_DECAY)
    per_epoch = math.ceil(n_rows / BATCH)
    with Progress(label, steps) as progress:
        for step in range(steps):
            epoch, at = divmod(step, per_epoch)
            if at == 0:
                order = torch.from_numpy(named_rng(seed, label, "order", epoch).permutation(n_rows))
            for group in optimiser.param_groups:
                group["lr"] = rate * (1 + math.cos(math.pi * step / steps)) / 2
            loss = loss_of(order[at * BATCH : (at + 1) * BATCH], step)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            progress.step(note="" if step % 50 else f"loss {loss.item():.4f}")
    return round(steps / per_epoch, 2)


def steps_for(n_rows: int, steps: int) -> int:
    """The steps of a training that takes at most `steps`, and MAX_EPOCHS."""
    return min(steps, MAX_EPOCHS * math.ceil(n_rows / BATCH))


@torch.no_grad()
def in_chunks(function: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
    """The function of rows (n, ...), a chunk of rows at a time, without gradients."""
    return torch.cat([function(chunk) for chunk in rows.split(CHUNK)])
