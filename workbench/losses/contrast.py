"""Losses that compare two views of the same things: contrast between rows, divergence between distributions."""
import torch
import torch.nn.functional as F
from torch import Tensor


def info_nce(a: Tensor, b: Tensor, tau: float) -> Tensor:
    """Symmetric InfoNCE of two views (n, D) of n things: the mean of -log softmax(cos(a_i, b_j) / tau) at j = i over
    the rows, and over the columns (van den Oord et al. 2018; CLIP's symmetric form).

    >>> round(info_nce(torch.eye(2), torch.eye(2), 1.0).item(), 4)
    0.3133
    """
    logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / tau
    own = torch.arange(len(a), device=a.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def symmetric_kl(p: Tensor, q: Tensor) -> Tensor:
    """Mean over rows of (KL(p | q) + KL(q | p)) / 2 of distributions (..., K); 0 where both coincide.

    >>> symmetric_kl(torch.tensor([[0.5, 0.5]]), torch.tensor([[0.5, 0.5]])).item()
    0.0
    """
    logs = [x.clamp_min(1e-9).log() for x in (p, q)]
    return ((p - q) * (logs[0] - logs[1])).sum(-1).mean() / 2


def negative_entropy(weights: Tensor) -> Tensor:
    """Sum over levels of sum_k p_k log p_k, p the mean over rows of weights (n, L, K): least where all codes are used
    alike (UniGRec, arXiv 2601.17438)."""
    mean = weights.mean(0)
    return (mean * mean.clamp_min(1e-9).log()).sum()
