"""A transformer over parallel codes, which are read and predicted an item at a time (RecGPT, arXiv 2506.06270)."""
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.errors import UserError
from workbench.nets.code_items import CodeItems
from workbench.nets.transformer import Block

MASKS = ("block", "item")


class ParallelDecoder(nn.Module):
    """Item ids (B, T), right-padded with 0, to the states (B, T, L D) of the L codes of every item, side by side; those
    of item t predict the codes of item t+1.

    codes: (I+1, L). vectors: (I+1, C), cut into L chunks, of which code l of an item reads its own: token l of an item
    is LN(E_l[c_l]) + LN(W chunk_l) + the embeddings of its position and level. mask: "block", a token sees those of
    earlier items and all of its own item; or "item", of its own item itself alone. No token sees a later item.
    item: the codebooks, tied to the output. chunk: (I+1, L, ceil(C / L)). stack: blocks over tokens. norm: the states
    as they are returned.
    """

    def __init__(
        self, codes: np.ndarray, sizes: Sequence[int], vectors: np.ndarray, *, width: int, layers: int, heads: int,
        max_length: int, dropout: float, mask: str = "block",
    ):  # fmt: skip
        super().__init__()
        self.levels, self.mask, self.dropout = len(sizes), mask, dropout
        self.item = CodeItems(codes, sizes, width)
        self.register_buffer("chunk", chunks(vectors, self.levels))
        self.project = nn.Linear(self.chunk.shape[2], width)
        self.code_norm, self.chunk_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.place, self.inner = nn.Embedding(max_length, width), nn.Embedding(self.levels, width)
        self.stack = nn.ModuleList(Block(width, heads, 4 * width, dropout) for _ in range(layers))
        self.token_norm, self.norm = nn.LayerNorm(width), nn.Identity()  # norm: where it is probed, one row an event
        for table in (self.place, self.inner):
            nn.init.normal_(table.weight, std=0.02)

    def use_items(self, codes: np.ndarray, vectors: np.ndarray) -> None:
        """Read and rank other items from now on: codes (I+1, L) of the same codebooks, vectors (I+1, C). UserError for
        vectors of another width."""
        chunk = chunks(vectors, self.levels)
        if chunk.shape[2] != self.chunk.shape[2]:
            raise UserError(f"chunks of {chunk.shape[2]} columns for a network that reads {self.chunk.shape[2]}")
        self.item.rows, self.chunk = (new.to(self.chunk.device) for new in (self.item.rows_of(codes), chunk))

    def forward(self, items: Tensor) -> Tensor:
        x = self.code_norm(self.item(items)) + self.chunk_norm(self.project(self.chunk[items]))
        x = x + self.place.weight[: items.shape[1], None] + self.inner.weight
        x = F.dropout(x.flatten(1, 2), self.dropout, self.training)
        mask = token_mask(items.shape[1], self.levels, self.mask).to(items.device)
        for block in self.stack:
            x = block(x, mask)
        return self.norm(self.token_norm(x).unflatten(1, (-1, self.levels)).flatten(2))


def chunks(vectors: np.ndarray, levels: int) -> Tensor:
    """(I+1, L, ceil(C / L)): rows (I+1, C) cut into L chunks, the last one filled up with zeros."""
    rows = torch.from_numpy(np.ascontiguousarray(vectors, np.float32))
    return F.pad(rows, (0, -rows.shape[1] % levels)).unflatten(1, (levels, -1))


def token_mask(length: int, levels: int, kind: str) -> Tensor:
    """(T L, T L) bool: which tokens (columns) a token (row) of T items sees; kind: one of MASKS.

    >>> token_mask(2, 2, "block").int().tolist()
    [[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1]]
    >>> token_mask(2, 2, "item").int().tolist()
    [[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 1, 0], [1, 1, 0, 1]]
    """
    at = torch.arange(length * levels)
    item = at // levels
    own = item[:, None] == item if kind == "block" else at[:, None] == at
    return own | (item[:, None] > item)
