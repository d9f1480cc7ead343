"""What frozen item vectors say of a history and a candidate."""
import numpy as np
import torch
from torch import Tensor, nn

SHARP = 5.0  # how much more an alike event of the history is read


class PairFeatures(nn.Module):
    """Ids (B, T) of histories, right-padded with 0, and of candidates (B, N) to features (B, N, 4 F + 1), none learnt.

    Of vectors (I+1, F), unit rows, times sqrt(F): the candidate's c, the history's s as seen from it (attention by
    cosine), the products c s and c times the last event's; and 1 / log2(2 + rank), the first stage's discount. An empty
    history is 0.
    """

    def __init__(self, vectors: np.ndarray):
        super().__init__()
        self.width = 4 * vectors.shape[1] + 1
        self.register_buffer("vectors", torch.from_numpy(np.array(vectors, np.float32)), persistent=False)

    def forward(self, items: Tensor, candidates: Tensor, ranks: Tensor, vectors: Tensor | None = None) -> Tensor:
        """ranks: (B, N) from 0. vectors: others in place of its own."""
        table = self.vectors if vectors is None else vectors
        c, h, empty = table[candidates], table[items], items == 0
        attention = (SHARP * c @ h.transpose(1, 2)).masked_fill(empty[:, None], -torch.inf).softmax(-1)
        s = attention.nan_to_num(0.0) @ h  # a history without events has no softmax
        last = h[torch.arange(len(h), device=h.device), (~empty).sum(1).clamp_min(1) - 1][:, None]
        scale = table.shape[1] ** 0.5
        c, s, last = c * scale, s * scale, (last * scale).expand_as(c)
        return torch.cat([c, s, c * s, c * last, discount(ranks)], dim=-1)


def discount(ranks: Tensor) -> Tensor:
    """(..., 1) of ranks from 0: 1 / log2(2 + rank)."""
    return (1 / torch.log2(2.0 + ranks))[..., None]


class RankedHead(nn.Module):
    """States (B, N, D) of candidates and their ranks (B, N), from 0, to scores (B, N): a . state - trust log(1 + rank),
    trust learnt, 0 at first. It is one number, so that the first stage's order is soon found and the network corrects
    it. bias: whether a constant is added, which moves all scores of a list alike."""

    def __init__(self, width: int, *, bias: bool):
        super().__init__()
        self.linear, self.trust = nn.Linear(width, 1, bias=bias), nn.Parameter(torch.zeros(()))

    def forward(self, states: Tensor, ranks: Tensor) -> Tensor:
        return self.linear(states)[:, :, 0] - self.trust * torch.log1p(ranks.to(states.dtype))
