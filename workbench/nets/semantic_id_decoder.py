"""A decoder-only network over semantic IDs: a causal transformer over the flattened sequence of item codes.

Like the encoder-decoder in the next file it has three methods, so that one beam search serves both: `teacher_forced`
(hidden states for the loss), `prefill` (encode the histories once and cache keys and values) and `step` (decode one
more code of every beam). Items enter as rows (B, T, L, R) of the embedding table `code`, right-padded with zeros.
"""
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets.attention import KeyValues, attend_shared
from workbench.nets.item_local import ItemLocal
from workbench.nets.transformer import Block


class HistoryCache(NamedTuple):
    """The cache shared by all beams of a history: keys and values (B, H, S, d) per block, attention bias (B, 1, 1, S),
    and the position (B,) of the item being decoded."""

    keys_values: list[KeyValues]
    bias: Tensor
    position: Tensor


class CodeTable(nn.Module):
    """One embedding table for the codes of all levels, shared by the input and the (tied) output layer.

    Row 0 is padding, followed by the K rows of each level, the rows of `prefixes`: the number of distinct code prefixes
    of length 2..L, or () to embed each code without the codes before it, and those of `streams`: the sizes of further
    codes of an item that are read but not predicted, whose first rows are `stream_starts`. The input embedding of a
    code is the sum of its R rows: its own row and, with prefixes, the row of its prefix, which costs memory but no
    arithmetic.
    """

    def __init__(
        self, sizes: tuple[int, ...], width: int, prefixes: tuple[int, ...] = (), streams: tuple[int, ...] = ()
    ):
        super().__init__()
        self.sizes, self.prefixes = tuple(sizes), tuple(prefixes)
        self.starts = [1 + sum(sizes[:level]) for level in range(len(sizes))]
        self.prefix_starts = [0] + [1 + sum(sizes) + sum(prefixes[:level]) for level in range(len(prefixes))]
        predicted = 1 + sum(sizes) + sum(prefixes)
        self.stream_starts = [predicted + sum(streams[:stream]) for stream in range(len(streams))]
        self.weight = nn.Parameter(torch.randn(predicted + sum(streams), width) * 0.02)
        with torch.no_grad():
            self.weight[0] = 0

    def forward(self, rows: Tensor) -> Tensor:
        """(..., D) embeddings from rows (..., R)."""
        return F.embedding(rows, self.weight, padding_idx=0).sum(-2)

    def code_rows(self, codes: Tensor, nodes: Tensor, level: int) -> Tensor:
        """(..., R) rows of codes 0..K-1 of a level; nodes: the trie nodes of their prefixes, -1 for none."""
        own = codes + self.starts[level]
        if not self.prefixes:
            return own[..., None]
        prefix = nodes + self.prefix_starts[level] if level else torch.full_like(nodes, -1)
        return torch.stack([own, prefix.masked_fill((nodes < 0) | (prefix < 0), 0)], -1)

    def item_rows(self, codes: Tensor, nodes: Tensor) -> Tensor:
        """(I+1, L, R) rows of all items from their codes (I+1, L) and the trie nodes (I+1, L+1) of their prefixes; the
        rows of item 0 are padding."""
        rows = [self.code_rows(codes[:, level], nodes[:, level + 1], level) for level in range(len(self.sizes))]
        return torch.stack(rows, 1).index_fill(0, torch.zeros(1, dtype=torch.int64), 0)

    def logits(self, states: Tensor, level: int) -> Tensor:
        """(..., K) logits of the codes of a level."""
        return states @ self.weight[self.starts[level] : self.starts[level] + self.sizes[level]].T


def position_embeddings(item_position: nn.Embedding, level: nn.Embedding, items: int) -> Tensor:
    """(items * L, D): the embedding of a code's position is that of its item's position plus that of its level."""
    return (item_position.weight[:items, None] + level.weight).flatten(0, 1)


class SemanticIdDecoder(nn.Module):
    """A causal decoder over [start, c11 .. c1L, c21 ..]: position s predicts token s, so every item is a target of one
    forward pass.

    code; start (D,); place (max_length + 1, D), item positions; inner (L + S, D), code levels; blocks; norm. streams:
    the sizes of S further codes of every item, read after its L codes and predicted by no position; drop_streams: the
    share of them hidden in training. local: "" or a kind of `ItemLocal`, through which embeddings of codes pass.
    """

    def __init__(
        self, sizes: tuple[int, ...], *, width: int, layers: int, heads: int, max_length: int, dropout: float,
        prefixes: tuple[int, ...] = (), streams: tuple[int, ...] = (), drop_streams: float = 0.0, local: str = "",
    ):  # fmt: skip
        super().__init__()
        self.code, self.levels, self.dropout = CodeTable(sizes, width, prefixes, streams), len(sizes), dropout
        self.block, self.drop_streams = len(sizes) + len(streams), drop_streams
        self.start = nn.Parameter(torch.randn(width) * 0.02)
        self.place, self.inner = nn.Embedding(max_length + 1, width), nn.Embedding(self.block, width)
        self.blocks = nn.ModuleList(Block(width, heads, 4 * width, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        for table in (self.place, self.inner):
            nn.init.normal_(table.weight, std=0.02)
        self.local = ItemLocal(width, self.block, local) if local else None

    def embed(self, rows: Tensor, length: int) -> Tensor:
        """(B, length, D): the input of the first block; position 0 is the start token."""
        if self.training and self.drop_streams and self.block > self.levels:  # no chance drawn for nothing
            hidden = torch.rand(rows.shape[:3], device=rows.device) < self.drop_streams
            hidden[:, :, : self.levels] = False
            rows = rows.masked_fill(hidden[..., None], 0)
        x = self.code(rows.flatten(1, 2)[:, : length - 1])
        x = x if self.local is None else self.local(x)
        x = torch.cat([self.start.expand(len(x), 1, -1), x], 1)
        x = x + position_embeddings(self.place, self.inner, -(-length // self.block))[:length]
        return F.dropout(x, self.dropout, self.training)

    def teacher_forced(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden states (N, L, D) that predict the codes of all N items of the histories, given the true codes before
        them, and the embedding rows (N, L) of the target codes."""
        B, T, L, _ = rows.shape
        x = self.embed(rows, T * L)
        for block in self.blocks:
            x = block(x)
        real = rows[:, :, 0, 0] > 0
        return self.norm(x).view(B, T, L, -1)[real][:, : self.levels], rows[real][:, : self.levels, 0]

    def prefill(self, rows: Tensor, lengths: Tensor) -> tuple[Tensor, HistoryCache, list[KeyValues]]:
        """Encode histories of `lengths` (B,) items: states (B, 1, D) that predict the first code of the next item, the
        cache shared by the beams, and the beams' own cache, which is still empty."""
        B, T, L, _ = rows.shape
        x = self.embed(rows, T * L + 1)
        shared = []
        for block in self.blocks:
            q, k, v = block.attention.project(block.attention_norm(x))
            shared.append((k, v))
            x = block.add(x, block.attention.merge_heads(F.scaled_dot_product_attention(q, k, v, is_causal=True)))
        last = lengths * L
        state = self.norm(x[torch.arange(B, device=x.device), last])[:, None]
        bias = torch.zeros(B, 1, 1, T * L + 1, device=x.device)
        bias.masked_fill_(torch.arange(T * L + 1, device=x.device) > last[:, None, None, None], -torch.inf)
        empty = [(k[:, :, None, :0], v[:, :, None, :0]) for k, v in shared]
        empty += [] if self.local is None else [empty[0]]  # keys and values of the item being decoded
        return state, HistoryCache(shared, bias, lengths), empty

    def step(
        self, cache: HistoryCache, own: list[KeyValues], rows: Tensor, level: int
    ) -> tuple[Tensor, list[KeyValues]]:
        """Append the codes of level - 1, given as rows (B, W, R): states (B, W, D) that predict the codes of `level`,
        and the extended cache of the beams. own: keys and values (B, H, W, j, d) per block, in the order of the
        beams."""
        x, extended = self.code(rows), []
        if self.local is not None:
            x, item = self.local.step(x, own[-1], level - 1)
        x = x + (self.place(cache.position) + self.inner.weight[level])[:, None]
        for block, shared, (keys, values) in zip(self.blocks, cache.keys_values, own):
            q, k, v = block.attention.project(block.attention_norm(x))
            keys, values = torch.cat([keys, k[:, :, :, None]], 3), torch.cat([values, v[:, :, :, None]], 3)
            extended.append((keys, values))
            x = block.add(x, block.attention.merge_heads(attend_shared(q, (keys, values), shared, cache.bias)))
        return self.norm(x), extended if self.local is None else [*extended, item]
