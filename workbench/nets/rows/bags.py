"""Networks that read a row as a bag of weighted ids: their cost follows the entries of the row, not all ids."""
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Bag(NamedTuple):
    """B sparse rows. ids: (N,) int64, from 1. offsets: (B+1,) int64, row b has the entries offsets[b] to offsets[b+1].
    weights: (N,) float."""

    ids: Tensor
    offsets: Tensor
    weights: Tensor

    def rows(self) -> Tensor:
        """(N,) int64: the row of each entry."""
        lengths = self.offsets.diff()
        return torch.repeat_interleave(torch.arange(len(lengths), device=lengths.device), lengths)


class BagEncoder(nn.Module):
    """Bags to the mean (B, Z) and log-variance (B, Z) of a Gaussian: a sum of rows of a table, tanh, a linear map each.

    ids: their number; the table has a row 0 for padding. width: of the hidden layer. latent: Z. dropout: the share of a
    row's entries that is left out in training. Without `variance`, which is for the caller to add, there is none.
    """

    def __init__(self, ids: int, *, width: int, latent: int, dropout: float):
        super().__init__()
        self.table, self.shift = xavier_table(ids, width), nn.Parameter(torch.zeros(width))
        self.mean, self.dropout, self.latent = xavier_linear(width, latent), dropout, latent
        self.variance: nn.Linear | None = None

    def forward(self, bag: Bag, table: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """table: (ids+1, width) in place of the encoder's own, such as one that is smoothed over a graph."""
        weights = F.dropout(bag.weights, self.dropout, self.training)
        summed = F.embedding_bag(
            bag.ids, self.table.weight if table is None else table, bag.offsets, mode="sum",
            per_sample_weights=weights, include_last_offset=True,
        )  # fmt: skip
        hidden = (summed + self.shift).tanh()
        return self.mean(hidden), None if self.variance is None else self.variance(hidden)


def xavier_table(ids: int, width: int) -> nn.Embedding:
    """(ids+1, width) with Xavier start weights and zeros in row 0."""
    table = nn.Embedding(ids + 1, width, padding_idx=0)
    nn.init.xavier_normal_(table.weight)
    with torch.no_grad():
        table.weight[0] = 0
    return table


def xavier_linear(inputs: int, outputs: int) -> nn.Linear:
    """A linear map with Xavier start weights and no offset at first."""
    layer = nn.Linear(inputs, outputs)
    nn.init.xavier_normal_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
