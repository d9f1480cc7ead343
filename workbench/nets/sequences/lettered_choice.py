"""A small causal transformer over a lettered prompt: the logits of the letters after its last token are the answer."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets.transformer import Block

HEADS, EXPANSION = 2, 2
GAIN = 20.0  # of the letters' logits at the start


class LetteredChoice(nn.Module):
    """Reads a user's L codes, T events and N lettered candidates, then an answer token. An event is A v_i and its
    place; a candidate, one line, A v_i and its letter.

    After the blocks one head copies: the answer attends to the lines and adds up their letters, a = sum_n w_n e_n, and
    the logit of a letter is gain a . e_n. Language models have learned to copy so from large text; learned from nothing
    it takes longer than all else here.

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
        nn.init.orthogonal_(self.letter.weight)
        self.answer = nn.Parameter(torch.randn(width) * 0.02)
        self.query, self.key = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.gain = nn.Parameter(torch.tensor(GAIN))
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
        x = self.norm(x)
        query, keys = self.query(x[:, -1:]), self.key(x[:, -1 - len(letters) : -1])
        weights = (query @ keys.transpose(1, 2) * x.shape[2] ** -0.5).softmax(-1)  # (B, 1, N)
        return self.gain * (weights[:, 0] @ letters) @ letters.T
