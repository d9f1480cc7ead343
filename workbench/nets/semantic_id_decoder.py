"""A network that spells items code by code: a causal decoder over the flattened code stream.

It answers three calls, and so does the encoder-decoder beside it, so that one beam search serves both: `taught` (states
for a loss), `prefill` (read the histories once) and `step` (one more code for every beam). Items come as the rows
(B, T, L, R) of the table `code` that stand for their codes, right-padded with zeros.
"""
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets.attention import KeyValues, attend_shared
from workbench.nets.transformer import Block


class Memory(NamedTuple):
    """What beams of a history share: keys and values a block (B, H, S, d), bias (B, 1, 1, S), and the place (B,) of the
    item that is spelt."""

    shared: list[KeyValues]
    bias: Tensor
    place: Tensor


class CodeTable(nn.Module):
    """One embedding table for the codes of all levels, read at the input and tied to the output.

    Row 0 is padding, then come the K rows of each level, then those of `prefixes`: how many different prefixes of
    2..L codes there are, or () where a code is read without the ones before it. A code's input is the sum of its R
    rows: its own, and with prefixes that of all codes up to it, which costs memory and no arithmetic.
    """

    def __init__(self, sizes: tuple[int, ...], width: int, prefixes: tuple[int, ...] = ()):
        super().__init__()
        self.sizes, self.prefixes = tuple(sizes), tuple(prefixes)
        self.starts = [1 + sum(sizes[:level]) for level in range(len(sizes))]
        self.prefix_starts = [0] + [1 + sum(sizes) + sum(prefixes[:level]) for level in range(len(prefixes))]
        self.weight = nn.Parameter(torch.randn(1 + sum(sizes) + sum(prefixes), width) * 0.02)
        with torch.no_grad():
            self.weight[0] = 0

    def forward(self, rows: Tensor) -> Tensor:
        """(..., D) from rows (..., R)."""
        return F.embedding(rows, self.weight, padding_idx=0).sum(-2)

    def rows(self, codes: Tensor, nodes: Tensor, level: int) -> Tensor:
        """(..., R) rows that stand for codes 0..K-1 of a level; nodes: their prefixes in the trie, -1 for none."""
        own = codes + self.starts[level]
        if not self.prefixes:
            return own[..., None]
        prefix = nodes + self.prefix_starts[level] if level else torch.full_like(nodes, -1)
        return torch.stack([own, prefix.masked_fill((nodes < 0) | (prefix < 0), 0)], -1)

    def catalogue(self, codes: Tensor, nodes: Tensor) -> Tensor:
        """(I+1, L, R) rows of all items from their codes (I+1, L) and the nodes (I+1, L+1) of their prefixes; those of
        item 0 are padding."""
        rows = [self.rows(codes[:, level], nodes[:, level + 1], level) for level in range(len(self.sizes))]
        return torch.stack(rows, 1).index_fill(0, torch.zeros(1, dtype=torch.int64), 0)

    def logits(self, states: Tensor, level: int) -> Tensor:
        """(..., K) scores of a level's codes."""
        return states @ self.weight[self.starts[level] : self.starts[level] + self.sizes[level]].T


def places(table: nn.Embedding, inner: nn.Embedding, items: int) -> Tensor:
    """(items * L, D): the position of a code is its item's place plus its place inside the item."""
    return (table.weight[:items, None] + inner.weight).flatten(0, 1)


class CausalSpeller(nn.Module):
    """A causal decoder over [start, c11 .. c1L, c21 ..]: slot s predicts token s, so a pass has every item as a target.

    code, start, place (max_length + 1, D), inner (L, D), blocks, norm.
    """

    def __init__(
        self, sizes: tuple[int, ...], *, width: int, layers: int, heads: int, max_length: int, dropout: float,
        prefixes: tuple[int, ...] = (),
    ):  # fmt: skip
        super().__init__()
        self.code, self.levels, self.dropout = CodeTable(sizes, width, prefixes), len(sizes), dropout
        self.start = nn.Parameter(torch.randn(width) * 0.02)
        self.place, self.inner = nn.Embedding(max_length + 1, width), nn.Embedding(len(sizes), width)
        self.blocks = nn.ModuleList(Block(width, heads, 4 * width, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        for table in (self.place, self.inner):
            nn.init.normal_(table.weight, std=0.02)

    def stream(self, rows: Tensor, slots: int) -> Tensor:
        """(B, slots, D): what the blocks read; slot 0 is the start."""
        x = self.code(rows.flatten(1, 2)[:, : slots - 1])
        x = torch.cat([self.start.expand(len(x), 1, -1), x], 1)
        x = x + places(self.place, self.inner, -(-slots // self.levels))[:slots]
        return F.dropout(x, self.dropout, self.training)

    def taught(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """States (N, L, D) from which the codes of N real items are predicted, true codes before them, and the rows
        (N, L) of those codes: every item of every history."""
        B, T, L, _ = rows.shape
        x = self.stream(rows, T * L)
        for block in self.blocks:
            x = block(x)
        real = rows[:, :, 0, 0] > 0
        return self.norm(x).view(B, T, L, -1)[real], rows[real][..., 0]

    def prefill(self, rows: Tensor, lengths: Tensor) -> tuple[Tensor, Memory, list[KeyValues]]:
        """Read histories of `lengths` (B,) items: states (B, 1, D) that predict the next first code, what beams share,
        and what a beam owns so far: nothing."""
        B, T, L, _ = rows.shape
        x = self.stream(rows, T * L + 1)
        shared = []
        for block in self.blocks:
            q, k, v = block.attention.project(block.attention_norm(x))
            shared.append((k, v))
            x = block.add(x, block.attention.merge(F.scaled_dot_product_attention(q, k, v, is_causal=True)))
        last = lengths * L
        state = self.norm(x[torch.arange(B, device=x.device), last])[:, None]
        bias = torch.zeros(B, 1, 1, T * L + 1, device=x.device)
        bias.masked_fill_(torch.arange(T * L + 1, device=x.device) > last[:, None, None, None], -torch.inf)
        none = [(k[:, :, None, :0], v[:, :, None, :0]) for k, v in shared]
        return state, Memory(shared, bias, lengths), none

    def step(self, memory: Memory, own: list[KeyValues], rows: Tensor, level: int) -> tuple[Tensor, list[KeyValues]]:
        """After the codes of level - 1 with these rows (B, W, R): states (B, W, D) that predict those of `level`, and
        what the beams own now. own: keys and values (B, H, W, j, d) a block, in the order of the beams."""
        x = self.code(rows) + (self.place(memory.place) + self.inner.weight[level])[:, None]
        grown = []
        for block, shared, (keys, values) in zip(self.blocks, memory.shared, own):
            q, k, v = block.attention.project(block.attention_norm(x))
            keys, values = torch.cat([keys, k[:, :, :, None]], 3), torch.cat([values, v[:, :, :, None]], 3)
            grown.append((keys, values))
            x = block.add(x, block.attention.merge(attend_shared(q, (keys, values), shared, memory.bias)))
        return self.norm(x), grown
