"""Conditional denoising of a vector: the noise schedule, a network that predicts the clean vector, a strided sampler.

x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) e, e standard normal: a_t, the share of the signal in the variance at time t, falls
from 1 at t = 0 to almost 0 at t = T. The network predicts x_0 from x_t, t and a condition (as in DreamRec, arXiv
2310.20453); the sampler takes few deterministic steps (DDIM, arXiv 2010.02502).
"""
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOWEST, FASTEST = 0.1, 10.0  # rates at which signal is lost, at the first and at the last time


def signal_shares(times: int) -> Tensor:
    """(T+1,) float32: a_t = exp(-integral of a rate that rises linearly), so a_0 = 1.

    >>> [round(share, 3) for share in signal_shares(2).tolist()]
    [1.0, 0.276, 0.006]
    """
    at = torch.arange(times + 1, dtype=torch.float64) / times
    return torch.exp(-SLOWEST * at - (FASTEST - SLOWEST) * at.square() / 2).float()


def add_noise(x: Tensor, noise: Tensor, share: Tensor) -> Tensor:
    """x_t (N, D) of clean vectors and noise, both (N, D), with the signal's share (N,)."""
    return share.sqrt()[:, None] * x + (1 - share).sqrt()[:, None] * noise


def strided_times(times: int, steps: int) -> list[int]:
    """The times that a sampler of `steps` steps visits, from T to 0.

    >>> strided_times(200, 4)
    [200, 150, 100, 50, 0]
    """
    return torch.linspace(times, 0, steps + 1).round().long().tolist()


def denoise(predict: Callable[[Tensor, int], Tensor], start: Tensor, shares: Tensor, steps: int) -> Tensor:
    """The clean vectors (B, D) at which `steps` deterministic steps arrive.

    predict(x_t, t): x_0. start: (B, D) noise, x_T. shares: `signal_shares`. Between two predictions the noise that x_t
    holds by the prediction is kept, and its share lowered; the last prediction is the result.
    """
    times = strided_times(len(shares) - 1, steps)
    x = start
    for now, then in zip(times, times[1:]):
        clean = predict(x, now)
        noise = (x - shares[now].sqrt() * clean) / (1 - shares[now]).sqrt()
        x = shares[then].sqrt() * clean + (1 - shares[then]).sqrt() * noise
    return x


class Denoiser(nn.Module):
    """f(x_t, h, t): noised vectors (N, D), conditions (N, D) and times (N,) to clean vectors (N, D).

    Two hidden layers of `hidden` units; times enter as D sines and cosines of wavelengths from 2 pi to about `longest`.
    null (D,): the learnt condition of those that have none.
    """

    def __init__(self, width: int, hidden: int, *, longest: float = 1e4):
        super().__init__()
        self.null, self.longest = nn.Parameter(torch.randn(width) * 0.02), longest
        self.read, self.mix = nn.Linear(3 * width, hidden), nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, width)

    def forward(self, x: Tensor, h: Tensor, t: Tensor) -> Tensor:
        inner = F.silu(self.read(torch.cat([x, h, self._waves(t, x.shape[1])], 1)))
        return self.out(inner + F.silu(self.mix(inner)))

    def guided(self, x: Tensor, h: Tensor, t: int, weight: float) -> Tensor:
        """(1 + w) f(x, h, t) - w f(x, null, t): away from what would be predicted without a condition."""
        times = torch.full((len(x),), t, device=x.device)
        conditional = self(x, h, times)
        if not weight:
            return conditional
        return (1 + weight) * conditional - weight * self(x, self.null.expand_as(h), times)

    def _waves(self, t: Tensor, width: int) -> Tensor:
        half = torch.arange((width + 1) // 2, device=t.device)
        angle = t[:, None] * self.longest ** (-2 * half / width)
        return torch.cat([angle.sin(), angle.cos()], 1)[:, :width]


class DenoisedNext(nn.Module):
    """An encoder of histories and a denoiser of item vectors.

    vectors (I+1, D): the frozen embeddings of the items, `item`; row 0 is zeros. noise (D,): where every history's
    denoising starts, a buffer. times: T of the noise schedule. Called with ids (B, T) it is the encoder.
    """

    def __init__(self, encoder: nn.Module, vectors: Tensor, denoiser: Denoiser, noise: Tensor, *, times: int):
        super().__init__()
        self.item = nn.Embedding.from_pretrained(vectors, freeze=True, padding_idx=0)
        self.encoder, self.denoiser = encoder, denoiser
        self.register_buffer("noise", noise)
        self.register_buffer("shares", signal_shares(times))

    def forward(self, items: Tensor) -> Tensor:
        return self.encoder(items)

    def generate(self, h: Tensor, *, steps: int, guidance: float) -> Tensor:
        """(B, D) vectors denoised under conditions h (B, D). guidance: see `Denoiser.guided`."""

        def predict(x: Tensor, t: int) -> Tensor:
            return self.denoiser.guided(x, h, t, guidance)

        return denoise(predict, self.noise.expand_as(h), self.shares, steps)
