"""A pointer network over a set: candidates are chosen one after another, until it stops (after SCASRec)."""
from typing import NamedTuple

import torch
from torch import Tensor, nn

from workbench.nets.transformer import Block


class Walk(NamedTuple):
    """S steps over N candidates. logits: (B, S, N + 1), the last of them of stopping; -inf of what is chosen already.
    chosen: (B, S) the candidate that is taken at each step, as if it never stopped."""

    logits: Tensor
    chosen: Tensor

    def lengths(self, stop: float = 0.5) -> Tensor:
        """(B,) how many are taken before the first step at which stopping has a probability above `stop`, S where it
        has it nowhere, as with stop=1."""
        stops = self.logits.softmax(-1)[:, :, -1] > stop
        return torch.where(stops.any(1), stops.int().argmax(1), stops.shape[1])


class SetPointer(nn.Module):
    """Candidates x (B, N, D) and a context (B, D) to a `Walk`.

    Encoder: attention among candidates without positions. Decoder: a state q, at first of the context and the mean
    candidate, is fed what was chosen; the logit of a candidate is q . h_i / sqrt(D), of stopping q . e / sqrt(D), e
    learnt. The likeliest candidate is taken. A set has no order: candidates in another one are chosen alike.
    """

    def __init__(self, width: int, *, layers: int, heads: int, dropout: float):
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, heads, 2 * width, dropout, causal=False) for _ in range(layers))
        self.norm, self.begin, self.cell = nn.LayerNorm(width), nn.Linear(2 * width, width), nn.GRUCell(width, width)
        self.stop = nn.Parameter(torch.randn(width) * width**-0.5)

    def forward(self, x: Tensor, context: Tensor, steps: int, stop_bias: float = 0.0) -> Walk:
        """stop_bias: added to the logits of stopping; -inf never stops."""
        for block in self.blocks:
            x = block(x)
        h = self.norm(x)
        q = torch.tanh(self.begin(torch.cat([context, h.mean(1)], dim=1)))
        taken = torch.zeros(h.shape[:2], dtype=torch.bool, device=h.device)
        rows, logits, chosen = torch.arange(len(h), device=h.device), [], []
        for _ in range(steps):
            scores = (h @ q[:, :, None])[:, :, 0].masked_fill(taken, -torch.inf)
            at = scores.argmax(1)
            logits.append(torch.cat([scores, (q @ self.stop)[:, None]], dim=1) * h.shape[2] ** -0.5)
            chosen.append(at)
            taken = taken.scatter(1, at[:, None], True)
            q = self.cell(h[rows, at], q)
        found = torch.stack(logits, dim=1)
        if stop_bias:
            found = torch.cat([found[:, :, :-1], found[:, :, -1:] + stop_bias], dim=2)
        return Walk(found, torch.stack(chosen, dim=1))
