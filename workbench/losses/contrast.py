"""Losses that compare two views of the same things: contrast between rows, divergence between distributions."""
import torch
import torch.nn.functional as F
from torch import Tensor


def info_nce(
    a: Tensor, b: Tensor, tau: float, *, cosine: bool = True, within: bool = False, positives: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """InfoNCE of two views (n, D) of n things, symmetric: the mean over rows of -log softmax(s(a_i, b_j) / tau) at j =
    i, and of the same with the views exchanged (van den Oord et al. 2018; CLIP's symmetric form).

    cosine: whether s is the cosine, else the product. within: the other rows of the own view are negatives too
    (NT-Xent, Chen et al. 2020). positives: (n, n) bool, which b_j are positives of a_i; of several the mean counts
    (Khosla et al. 2020, L_out). Rows without a positive do not count.

    >>> round(info_nce(torch.eye(2), torch.eye(2), 1.0).item(), 4)
    0.3133
    >>> round(info_nce(torch.eye(2), torch.eye(2), 1.0, within=True).item(), 4)
    0.5514
    """
    a, b = (F.normalize(a, dim=1), F.normalize(b, dim=1)) if cosine else (a, b)
    logits = a @ b.T / tau
    sides = [(logits, a), (logits.T, b)]
    if within:
        own = torch.eye(len(a), dtype=torch.bool, device=a.device)
        sides = [(torch.cat([cross, (x @ x.T / tau).masked_fill(own, -torch.inf)], 1), x) for cross, x in sides]
    if positives is None:
        target = torch.arange(len(a), device=a.device)
        return sum(F.cross_entropy(cross, target) for cross, _ in sides) / 2
    losses = []
    for (cross, _), positive in zip(sides, (positives, positives.T)):
        log_p, count = cross.log_softmax(1)[:, : len(a)], positive.sum(1)
        losses.append(-(log_p * positive).sum(1)[count > 0].div(count[count > 0]).mean())
    return sum(losses) / 2


def nt_xent(a: Tensor, b: Tensor) -> Tensor:
    """NT-Xent of products at temperature 1, of two views (n, D) of n things, as contrast over SASRec has it."""
    return info_nce(a, b, 1.0, cosine=False, within=True)


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
