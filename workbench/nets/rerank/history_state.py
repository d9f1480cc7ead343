"""A history of item vectors as one state."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets.transformer import Block


class HistoryState(nn.Module):
    """Item vectors (B, T, D) and which are events (B, T) to a state (B, D): that after the last event, of one causal
    block. max_length: T at most."""

    def __init__(self, width: int, heads: int, max_length: int, dropout: float):
        super().__init__()
        self.position = nn.Embedding(max_length, width)
        nn.init.normal_(self.position.weight, std=0.02)
        self.block, self.norm = Block(width, heads, 2 * width, dropout), nn.LayerNorm(width)
        self.dropout = dropout

    def forward(self, x: Tensor, events: Tensor) -> Tensor:
        x = F.dropout(x + self.position.weight[: x.shape[1]], self.dropout, self.training)
        last = events.sum(1).clamp_min(1) - 1
        return self.norm(self.block(x))[torch.arange(len(x), device=x.device), last]
