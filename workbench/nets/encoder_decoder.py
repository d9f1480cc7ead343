"""TIGER's original architecture: an encoder reads the codes of a history, and a decoder with cross-attention generates
the codes of one item."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets.attention import KeyValues, SelfAttention
from workbench.nets.semantic_id_decoder import CodeTable, HistoryCache, position_embeddings
from workbench.nets.transformer import Block


class DecoderBlock(nn.Module):
    """Causal self-attention over the codes so far, cross-attention to the encoded history and a feed-forward network;
    each pre-norm and residual."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.attention_norm, self.attention = nn.LayerNorm(width), SelfAttention(width, heads)
        self.cross_norm, self.query, self.out = nn.LayerNorm(width), nn.Linear(width, width), nn.Linear(width, width)
        self.memory = nn.Linear(width, 2 * width)
        self.feedforward_norm = nn.LayerNorm(width)
        self.expand, self.contract = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout = dropout

    def cross_keys_values(self, encoded: Tensor) -> KeyValues:
        """Cross-attention keys and values (B, H, S, d) of the encoded history."""
        B, S, D = encoded.shape
        heads = self.attention.heads
        k, v = self.memory(encoded).view(B, S, 2, heads, D // heads).permute(2, 0, 3, 1, 4)
        return k, v

    def add(self, x: Tensor, attended: Tensor, shared: KeyValues, bias: Tensor) -> Tensor:
        """The rest of the block after self-attention: the residual connection, cross-attention to the history (bias
        (B, 1, 1, S)) and the feed-forward network."""
        x = x + F.dropout(attended, self.dropout, self.training)
        B, T, D = x.shape
        q = self.query(self.cross_norm(x)).view(B, T, self.attention.heads, D // self.attention.heads).transpose(1, 2)
        cross = F.scaled_dot_product_attention(q, *shared, attn_mask=bias).transpose(1, 2).reshape(B, T, D)
        x = x + F.dropout(self.out(cross), self.dropout, self.training)
        inner = F.gelu(self.expand(self.feedforward_norm(x)))
        return x + F.dropout(self.contract(inner), self.dropout, self.training)


class EncoderDecoder(nn.Module):
    """The methods of `SemanticIdDecoder`, with one target per row: the last item, given an encoding of those before it.

    code; start (D,); place (max_length, D), item positions; inner (L, D), code levels; encoder and decoder (`layers`
    blocks each); encoded_norm; norm.
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

    def encode(self, rows: Tensor, lengths: Tensor) -> HistoryCache:
        """Encode histories; the start token is prepended, so that an empty history has one position to attend to."""
        B, T, L, _ = rows.shape
        x = self.code(rows.flatten(1, 2)) + position_embeddings(self.place, self.inner, T)
        x = F.dropout(torch.cat([self.start.expand(B, 1, -1), x], 1), self.dropout, self.training)
        bias = torch.zeros(B, 1, 1, T * L + 1, device=x.device)
        positions = torch.arange(T * L + 1, device=x.device)
        bias.masked_fill_(positions > (lengths * L)[:, None, None, None], -torch.inf)
        for block in self.encoder:
            x = block(x, bias)
        encoded = self.encoded_norm(x)
        return HistoryCache([block.cross_keys_values(encoded) for block in self.decoder], bias, lengths)

    def teacher_forced(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden states (B, L, D) that predict the last item of each history, given the true codes before, and the
        embedding rows (B, L) of the target codes."""
        lengths = (rows[:, :, 0, 0] > 0).sum(1) - 1
        targets = rows[torch.arange(len(rows), device=rows.device), lengths]
        cache = self.encode(rows[:, : max(1, rows.shape[1] - 1)], lengths)  # positions from the target on are masked
        x = torch.cat([self.start.expand(len(rows), 1, -1), self.code(targets[:, :-1])], 1) + self.inner.weight
        x = F.dropout(x, self.dropout, self.training)
        for block, shared in zip(self.decoder, cache.keys_values):
            x = block.add(x, block.attention(block.attention_norm(x)), shared, cache.bias)
        return self.norm(x), targets[..., 0]

    def prefill(self, rows: Tensor, lengths: Tensor) -> tuple[Tensor, HistoryCache, list[KeyValues]]:
        """As in `SemanticIdDecoder`, except that the start token is already in the beams' own cache."""
        cache = self.encode(rows, lengths)
        empty = [(k[:, :, None, :0], v[:, :, None, :0]) for k, v in cache.keys_values]
        state, own = self._advance(cache, empty, (self.start + self.inner.weight[0]).expand(len(rows), 1, -1))
        return state, cache, own

    def step(
        self, cache: HistoryCache, own: list[KeyValues], rows: Tensor, level: int
    ) -> tuple[Tensor, list[KeyValues]]:
        """As in `SemanticIdDecoder`."""
        return self._advance(cache, own, self.code(rows) + self.inner.weight[level])

    def _advance(self, cache: HistoryCache, own: list[KeyValues], x: Tensor) -> tuple[Tensor, list[KeyValues]]:
        """Run the decoder on inputs (B, W, D), one per beam, and extend the beams' own cache."""
        extended = []
        for block, shared, (keys, values) in zip(self.decoder, cache.keys_values, own):
            q, k, v = block.attention.project(block.attention_norm(x))
            keys, values = torch.cat([keys, k[:, :, :, None]], 3), torch.cat([values, v[:, :, :, None]], 3)
            extended.append((keys, values))
            weights = ((q * q.shape[-1] ** -0.5)[:, :, :, None] * keys).sum(-1).softmax(-1)
            attended = (weights[..., None] * values).sum(3)
            x = block.add(x, block.attention.merge_heads(attended), shared, cache.bias)
        return self.norm(x), extended
