"""TIGER's own shape: an encoder reads the code stream of a history, a decoder spells one item and looks back at it."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets.attention import KeyValues, SelfAttention
from workbench.nets.semantic_id_decoder import CodeTable, Memory, places
from workbench.nets.transformer import Block


class DecoderBlock(nn.Module):
    """Self-attention over the codes so far, attention to the encoded history, feed-forward; each behind a norm."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.attention_norm, self.attention = nn.LayerNorm(width), SelfAttention(width, heads)
        self.cross_norm, self.query, self.out = nn.LayerNorm(width), nn.Linear(width, width), nn.Linear(width, width)
        self.memory = nn.Linear(width, 2 * width)
        self.feedforward_norm = nn.LayerNorm(width)
        self.expand, self.contract = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout = dropout

    def shared(self, encoded: Tensor) -> KeyValues:
        """Keys and values (B, H, S, d) of the history."""
        B, S, D = encoded.shape
        heads = self.attention.heads
        k, v = self.memory(encoded).view(B, S, 2, heads, D // heads).permute(2, 0, 3, 1, 4)
        return k, v

    def add(self, x: Tensor, attended: Tensor, shared: KeyValues, bias: Tensor) -> Tensor:
        """What follows self-attention: add it, look at the history (bias (B, 1, 1, S)), then the feed-forward net."""
        x = x + F.dropout(attended, self.dropout, self.training)
        B, T, D = x.shape
        q = self.query(self.cross_norm(x)).view(B, T, self.attention.heads, D // self.attention.heads).transpose(1, 2)
        seen = F.scaled_dot_product_attention(q, *shared, attn_mask=bias).transpose(1, 2).reshape(B, T, D)
        x = x + F.dropout(self.out(seen), self.dropout, self.training)
        inner = F.gelu(self.expand(self.feedforward_norm(x)))
        return x + F.dropout(self.contract(inner), self.dropout, self.training)


class EncoderDecoder(nn.Module):
    """The three calls of `CausalSpeller`, but one target a row: the last item, after an encoding of those before it.

    code, start, place (max_length, D), inner (L, D), encoder and decoder (`layers` blocks each), encoded_norm, norm.
    """

    def __init__(
        self, sizes: tuple[int, ...], *, width: int, layers: int, heads: int, max_length: int, dropout: float,
        prefixes: tuple[int, ...] = (),
    ):  # fmt: skip
        super().__init__()
        self.code, self.levels, self.dropout = CodeTable(sizes, width, prefixes), len(sizes), dropout
        self.start = nn.Parameter(torch.randn(width) * 0.02)
        self.place, self.inner = nn.Embedding(max_length, width), nn.Embedding(len(sizes), width)
        self.encoder = nn.ModuleList(Block(width, heads, 4 * width, dropout, causal=False) for _ in range(layers))
        self.decoder = nn.ModuleList(DecoderBlock(width, heads, dropout) for _ in range(layers))
        self.encoded_norm, self.norm = nn.LayerNorm(width), nn.LayerNorm(width)
        for table in (self.place, self.inner):
            nn.init.normal_(table.weight, std=0.02)

    def encode(self, rows: Tensor, lengths: Tensor) -> Memory:
        """Read histories; the start stands before each, so that an empty one is something too."""
        B, T, L, _ = rows.shape
        x = self.code(rows.flatten(1, 2)) + places(self.place, self.inner, T)
        x = F.dropout(torch.cat([self.start.expand(B, 1, -1), x], 1), self.dropout, self.training)
        bias = torch.zeros(B, 1, 1, T * L + 1, device=x.device)
        slots = torch.arange(T * L + 1, device=x.device)
        bias.masked_fill_(slots > (lengths * L)[:, None, None, None], -torch.inf)
        for block in self.encoder:
            x = block(x, bias)
        encoded = self.encoded_norm(x)
        return Memory([block.shared(encoded) for block in self.decoder], bias, lengths)

    def taught(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """States (B, L, D) from which the last real item of each history is predicted, and its codes' rows (B, L)."""
        lengths = (rows[:, :, 0, 0] > 0).sum(1) - 1
        at = torch.arange(len(rows), device=rows.device)
        targets = rows[at, lengths]
        memory = self.encode(rows[:, : max(1, rows.shape[1] - 1)], lengths)  # what stands after a history is masked
        x = torch.cat([self.start.expand(len(rows), 1, -1), self.code(targets[:, :-1])], 1) + self.inner.weight
        x = F.dropout(x, self.dropout, self.training)
        for block, shared in zip(self.decoder, memory.shared):
            x = block.add(x, block.attention(block.attention_norm(x)), shared, memory.bias)
        return self.norm(x), targets[..., 0]

    def prefill(self, rows: Tensor, lengths: Tensor) -> tuple[Tensor, Memory, list[KeyValues]]:
        """As in `CausalSpeller`; a beam owns the start of its item from the beginning."""
        memory = self.encode(rows, lengths)
        none = [(k[:, :, None, :0], v[:, :, None, :0]) for k, v in memory.shared]
        state, own = self._advance(memory, none, (self.start + self.inner.weight[0]).expand(len(rows), 1, -1))
        return state, memory, own

    def step(self, memory: Memory, own: list[KeyValues], rows: Tensor, level: int) -> tuple[Tensor, list[KeyValues]]:
        """As in `CausalSpeller`."""
        return self._advance(memory, own, self.code(rows) + self.inner.weight[level])

    def _advance(self, memory: Memory, own: list[KeyValues], x: Tensor) -> tuple[Tensor, list[KeyValues]]:
        grown = []
        for block, shared, (keys, values) in zip(self.decoder, memory.shared, own):
            q, k, v = block.attention.project(block.attention_norm(x))
            keys, values = torch.cat([keys, k[:, :, :, None]], 3), torch.cat([values, v[:, :, :, None]], 3)
            grown.append((keys, values))
            weights = ((q * q.shape[-1] ** -0.5)[:, :, :, None] * keys).sum(-1).softmax(-1)
            x = block.add(x, block.attention.merge((weights[..., None] * values).sum(3)), shared, memory.bias)
        return self.norm(x), grown
