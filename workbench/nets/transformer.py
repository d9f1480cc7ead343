"""Pre-norm transformer blocks and a causal encoder of item sequences."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets.attention import SelfAttention


class Block(nn.Module):
    """Pre-norm attention, then a pre-norm two-layer feed-forward network; dropout on both residual branches."""

    def __init__(self, width: int, heads: int, feedforward: int, dropout: float, *, causal: bool = True):
        super().__init__()
        self.attention_norm, self.attention = nn.LayerNorm(width), SelfAttention(width, heads, causal=causal)
        self.feedforward_norm = nn.LayerNorm(width)
        self.expand, self.contract = nn.Linear(width, feedforward), nn.Linear(feedforward, width)
        self.out = nn.Identity()  # hook point for the block's output, also if `add` is called one code at a time
        self.dropout = dropout

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return self.add(x, self.attention(self.attention_norm(x), mask))

    def add(self, x: Tensor, attended: Tensor) -> Tensor:
        """The rest of the block after attention: the residual connection and the feed-forward network."""
        x = x + F.dropout(attended, self.dropout, self.training)
        inner = F.gelu(self.expand(self.feedforward_norm(x)))
        return self.out(x + F.dropout(self.contract(inner), self.dropout, self.training))


class SequenceEncoder(nn.Module):
    """Item ids (B, T), right-padded with 0, to hidden states (B, T, D): position t attends to items 0..t.

    item: the embedding table (I+1, D), tied to the output layer. position: (max_length, D).
    """

    def __init__(
        self, n_items: int, *, width: int, layers: int, heads: int, feedforward: int, max_length: int, dropout: float
    ):
        super().__init__()
        self.item, self.position = nn.Embedding(n_items + 1, width, padding_idx=0), nn.Embedding(max_length, width)
        self.blocks = nn.ModuleList(Block(width, heads, feedforward, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.dropout = dropout
        for table in (self.item, self.position):
            nn.init.normal_(table.weight, std=0.02)
        with torch.no_grad():
            self.item.weight[0] = 0

    def forward(self, items: Tensor) -> Tensor:
        x = self.item(items) + self.position.weight[: items.shape[1]]
        x = F.dropout(x, self.dropout, self.training)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)
