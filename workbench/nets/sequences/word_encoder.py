"""Items and histories read as words by one transformer, as in Recformer (arXiv:2305.13731, section 2.2)."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets.transformer import Block

CHUNK = 1024  # items encoded at a time
SPREAD = 0.02  # standard deviation of what a token's vector begins with beside its word


class ItemTable(nn.Module):
    """Encoded items (I+1, D), kept as a buffer: they have no gradient and follow the encoder by `refresh` alone."""

    def __init__(self, n_items: int, width: int):
        super().__init__()
        self.register_buffer("weight", torch.zeros(n_items + 1, width))

    def forward(self, items: Tensor) -> Tensor:
        return self.weight[items]


class WordEncoder(nn.Module):
    """Item ids (B, N), newest first, padded with 0 at the end, to a state (B, D) of length 1 / sqrt(tau).

    A token's vector is LayerNorm(word + kind of text + place in the item + place of the item in the history); all read
    each other by full attention, and the state is the mean of their outputs and that of a first token, which stands for
    a history without words. words, kinds: (I+1, L) of the items. vectors: (W+1, D) that the words begin with, row 0 is
    padding. One item alone is encoded as a history of one; item.weight has all of them, as of the last `refresh`.
    """

    def __init__(
        self, words: np.ndarray, kinds: np.ndarray, vectors: np.ndarray, *, layers: int, heads: int, feedforward: int,
        max_length: int, dropout: float, tau: float,
    ):  # fmt: skip
        super().__init__()
        self.register_buffer("words", torch.from_numpy(words))
        self.register_buffer("kinds", torch.from_numpy(kinds))
        width = vectors.shape[1]
        self.word = nn.Embedding.from_pretrained(torch.from_numpy(vectors), freeze=False, padding_idx=0)
        self.kind = nn.Embedding(4, width, padding_idx=0)
        sizes = ((words.shape[1], width), (max_length, width), (width,))
        self.place, self.item_place, self.start = (nn.Parameter(torch.randn(*size) * SPREAD) for size in sizes)
        self.token_norm, self.norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.blocks = nn.ModuleList(Block(width, heads, feedforward, dropout, causal=False) for _ in range(layers))
        self.dropout, self.scale = dropout, tau**-0.5
        nn.init.normal_(self.kind.weight[1:], std=SPREAD)
        self.item = ItemTable(len(words) - 1, width)

    def forward(self, items: Tensor) -> Tensor:
        B, N = items.shape
        words, kinds = self.words[items], self.kinds[items]  # (B, N, L)
        x = self.word(words) + self.kind(kinds) + self.place + self.item_place[:N, None]
        x = torch.cat([self.start.expand(B, 1, -1), x.flatten(1, 2)], 1)
        real = F.pad(words.flatten(1) > 0, (1, 0), value=True)  # (B, 1 + N L)
        most = int(real.sum(1).max())
        order = (~real).long().argsort(dim=1, stable=True)[:, :most]  # words first: padding costs attention
        x = x.gather(1, order[..., None].expand(-1, -1, x.shape[2]))
        x = F.dropout(self.token_norm(x), self.dropout, self.training)
        real = real.gather(1, order)
        for block in self.blocks:
            x = block(x, real[:, None, None])  # every token reads the real ones
        return self.scale * F.normalize((self.norm(x) * real[..., None]).sum(1), dim=1)

    @torch.no_grad()
    def refresh(self) -> None:
        """Encode all items anew, without dropout."""
        training = self.training
        self.eval()
        every = torch.arange(1, len(self.words), device=self.words.device)
        self.item.weight[1:] = torch.cat([self(chunk[:, None]) for chunk in every.split(CHUNK)])
        self.train(training)
