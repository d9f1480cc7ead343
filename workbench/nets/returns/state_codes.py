"""A state as one of K codes, chosen by what the state is like and by a signal beside it."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class StateCodes(nn.Module):
    """States (..., F) and a signal (..., S) to a code each, after TADT-CSA (arXiv 2507.20327): the score of a code is
    share cos(state, code) + (1 - share) cos(signal, code), and while training one is drawn by Gumbel noise (straight
    through), else the best is taken. share = 1 does not read the signal."""

    def __init__(self, features: int, signal: int, *, codes: int, width: int, share: float = 0.5, tau: float = 0.2):
        super().__init__()
        self.state = nn.Sequential(nn.Linear(features, width), nn.GELU(), nn.Linear(width, width))
        self.signal = nn.Linear(signal, width)
        self.codebook = nn.Parameter(torch.randn(codes, width))
        self.share, self.tau = share, tau

    def scores(self, states: Tensor, signal: Tensor) -> Tensor:
        """(..., K) logits of the codes."""
        codes = F.normalize(self.codebook, dim=-1)
        state, beside = (F.normalize(x, dim=-1) @ codes.T for x in (self.state(states), self.signal(signal)))
        return (self.share * state + (1 - self.share) * beside) / self.tau

    def forward(self, states: Tensor, signal: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(..., D) vectors of the codes, (...) their numbers, (..., K) their chances."""
        logits = self.scores(states, signal)
        chances = logits.softmax(-1)
        if self.training:
            chosen = F.gumbel_softmax(logits, hard=True)
        else:
            chosen = F.one_hot(logits.argmax(-1), logits.shape[-1]).to(logits)
        return chosen @ self.codebook, chosen.argmax(-1), chances


def usage(chances: Tensor) -> Tensor:
    """Entropy in nats of the mean of chances (n, K): log K where all codes are used alike.

    >>> round(usage(torch.eye(4)).item(), 4) == round(torch.tensor(4.0).log().item(), 4)
    True
    """
    mean = chances.mean(0)
    return -(mean * mean.clamp_min(1e-9).log()).sum()
