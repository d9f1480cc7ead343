"""A policy whose action is a vector, drawn around what a network gives, and a second network that knows the value."""
import math

import torch
from torch import Tensor, nn


class GaussianActor(nn.Module):
    """States (..., F) to the mean (..., D) of a normal distribution of action vectors with one standard deviation for
    each column, and to the value (...) of the state."""

    def __init__(self, features: int, dim: int, *, width: int, spread: float = 0.5):
        super().__init__()
        self.mean = nn.Sequential(
            nn.Linear(features, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, dim)
        )
        self.critic = nn.Sequential(nn.Linear(features, width), nn.Tanh(), nn.Linear(width, 1))
        self.log_std = nn.Parameter(torch.full((dim,), math.log(spread)))

    def forward(self, states: Tensor) -> Tensor:
        return self.mean(states)

    def value(self, states: Tensor) -> Tensor:
        """(...) the sum of rewards that is expected."""
        return self.critic(states)[..., 0]

    def log_prob(self, states: Tensor, vectors: Tensor) -> Tensor:
        """(...) log density of vectors (..., D)."""
        away = (vectors - self(states)) / self.log_std.exp()
        return -(away**2 / 2 + self.log_std + math.log(2 * math.pi) / 2).sum(-1)


def clipped_surrogate(log_prob: Tensor, old: Tensor, advantage: Tensor, clip: float = 0.2) -> Tensor:
    """Mean of -min(r A, clip(r, 1 - clip, 1 + clip) A), r = exp(log_prob - old), all (n,) (PPO, Schulman et al. 2017).

    >>> one = torch.ones(1)
    >>> round(clipped_surrogate(one.log() + 1, one.log(), one).item(), 6)
    -1.2
    >>> round(clipped_surrogate(one.log() + 1, one.log(), -one).item(), 4)
    2.7183
    """
    ratio = (log_prob - old).exp()
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage).mean()
