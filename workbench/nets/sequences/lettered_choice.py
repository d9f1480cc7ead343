"""A small causal transformer over a lettered prompt: the logits of the letters after its last token are the answer."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets.transformer import Block

HEADS, EXPANSION = 2, 2


class LetteredChoice(nn.Module):
    """Reads a user's L codes, T events and N lettered candidates, then an answer token, whose state is compared with
    the embedding of every letter. An event is A v_i and its place; a candidate A v_i and its letter.

    vectors: (I+1, F) of items, fixed. sizes: the L sizes of the users' codes, () for prompts without a user. code 0 and
    item 0 are empty.
    """

    def __init__(
        self, vectors: np.ndarray, sizes: tuple[int, ...], *, events: int, letters: int, width: int, layers: int,
        dropout: float,
    ):  # fmt: skip
        super().__init__()
        features = vectors.shape[1]
        scaled = torch.from_numpy(np.ascontiguousarray(vectors, np.float32)) * features**0.5
        self.register_buffer("vectors", scaled, persistent=False)
        self.title = nn.Linear(features, width, bias=False)
        self.codes = nn.ModuleList(nn.Embedding(size + 1, width, padding_idx=0) for size in sizes)
        self.place, self.letter = nn.Embedding(events, width), nn.Embedding(letters, width)
        self.answer = nn.Parameter(torch.randn(width) * 0.02)
        self.blocks = nn.ModuleList(Block(width, HEADS, EXPANSION * width, dropout) for _ in range(layers))
        self.norm, self.dropout = nn.LayerNorm(width), dropout

    def forward(self, codes: Tensor, events: Tensor, candidates: Tensor) -> Tensor:
        """(B, N) logits of the letters. codes: (B, L). events: (B, T), left-padded with 0. candidates: (B, N), in the
        order of the letters."""
        letters = self.letter.weight[: candidates.shape[1]]
        user = [table(codes[:, level])[:, None] for level, table in enumerate(self.codes)]
        past = self.title(self.vectors[events]) + self.place.weight
        offered = self.title(self.vectors[candidates]) + letters
        x = torch.cat([*user, past, offered, self.answer.expand(len(events), 1, -1)], 1)
        x = F.dropout(x, self.dropout, self.training)
        for block in self.blocks:
            x = block(x)
        return self.norm(x[:, -1]) @ letters.T * letters.shape[1] ** -0.5
