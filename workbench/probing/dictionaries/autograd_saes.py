"""Sparse autoencoders trained by autograd: ReLU with an L1 penalty, Gated, JumpReLU, Matryoshka.

Each kind is a loss of one batch, in units of FVU, that encodes x (B, D) and predicts y (B, E), which is x itself except
for a transcoder. `k` is the desired mean number of active latents. JumpReLU has it in its loss; for the L1 penalties of
ReLU and Gated the penalty weight is adapted towards it, so that kinds can be compared at equal sparsity.
"""
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.probing.dictionaries.topk import batch_threshold, subtract_skip

BANDWIDTH = 0.3  # width of the window around a threshold in which it has a gradient, in scaled activations
INITIAL_L1, L1_RATE = 0.01, 0.02  # the initial penalty weight, and the rate of its adaptation
SPARSITY_WEIGHT = 0.5  # of JumpReLU's penalty for deviating from k
PREFIX_DIVISORS = (16, 8, 4, 2, 1)  # Matryoshka: prefixes of m / 16 .. m latents


class JumpReLU(torch.autograd.Function):
    """z = u where u > theta, and the indicator of that, with straight-through gradients for theta (Rajamanoharan et
    al., arXiv:2407.14435): dz/dtheta = -theta K / width, dL0/dtheta = -K / width, K = 1 in the window."""

    @staticmethod
    def forward(ctx, u: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(u, theta)
        active = u > theta
        return u * active, active.to(u.dtype)

    @staticmethod
    def backward(ctx, gz: Tensor, gn: Tensor) -> tuple[Tensor, Tensor]:
        u, theta = ctx.saved_tensors
        kernel = ((u - theta).abs() <= BANDWIDTH / 2) / BANDWIDTH
        return gz * (u > theta), -(kernel * (theta * gz + gn)).sum(0)


def extra_parameters(kind: str, latents: int, level: float = 1.0) -> dict[str, Tensor]:
    """The parameters of a kind besides W, b, D and c. level: JumpReLU's initial threshold, above which the desired
    share of latents is active."""
    if kind == "gated":
        return {"r": torch.zeros(latents), "g": torch.zeros(latents)}
    return {"t": torch.full((latents,), math.log(level))} if kind == "jumprelu" else {}


def decode(z: Tensor, p: dict[str, Tensor]) -> Tensor:
    """(B, D) reconstructions of latents (B, m)."""
    return z @ p["D"] + p["c"]


class AutogradStep:
    """The counterpart of `topk.SparseStep` for the kinds of this file."""

    def __init__(self, kind: str, k: int, variance: float):
        self.loss, self.k, self.variance, self.weight = LOSSES[kind], k, variance, INITIAL_L1

    def __call__(self, x: Tensor, y: Tensor, p: dict[str, Tensor], dead: Tensor) -> tuple[float, Tensor, float]:
        """Store gradients in p; return the FVU of the batch, the index of every active latent, with repetitions, and
        the smallest active value."""
        for name in p:
            p[name].requires_grad_(True).grad = None
        target = subtract_skip(x, y, p)
        error, penalty, z = self.loss(x, target, p, self.k, self.weight)
        ((error + penalty) / self.variance).backward()
        for name in p:
            p[name].requires_grad_(False)
        active = (z.detach() > 0).nonzero()[:, 1]  # NaN is not active
        l0 = max(len(active) / len(x), 1e-3)
        self.weight *= math.exp(L1_RATE * max(-1.0, min(1.0, math.log(l0 / self.k))))
        with torch.no_grad():
            fvu = float((decode(z, p) - target).square().sum() / len(x) / self.variance)
            smallest = float(z[z > 0].min()) if len(active) else 0.0
        return fvu, active, smallest


Losses = tuple[Tensor, Tensor, Tensor]  # error, penalty, and the latents (B, m)


def squared_error(y: Tensor, prediction: Tensor) -> Tensor:
    """The squared error, summed over dimensions and averaged over rows."""
    return (prediction - y).square().sum(1).mean()


def relu_loss(x: Tensor, y: Tensor, p: dict[str, Tensor], k: int, weight: float) -> Losses:
    """ReLU with an L1 penalty scaled by the norms of the directions, so that rescaling z / s and s w is not cheaper."""
    z = F.relu(x @ p["W"].T + p["b"])
    return squared_error(y, decode(z, p)), weight * y.shape[1] * (z * p["D"].norm(dim=1)).sum(1).mean(), z


def gated_loss(x: Tensor, y: Tensor, p: dict[str, Tensor], k: int, weight: float) -> Losses:
    """A gate decides which latents are active, a magnitude by how much (Rajamanoharan et al., arXiv:2404.16014). The
    gate learns from the penalty and from an auxiliary reconstruction with detached directions."""
    projection = x @ p["W"].T
    gate = F.relu(projection + p["g"])
    z = (gate > 0) * F.relu(projection * p["r"].exp() + p["b"])
    auxiliary = squared_error(y, gate @ p["D"].detach() + p["c"].detach())
    penalty = weight * y.shape[1] * (gate * p["D"].norm(dim=1)).sum(1).mean()
    return squared_error(y, decode(z, p)) + auxiliary, penalty, z


def jumprelu_loss(x: Tensor, y: Tensor, p: dict[str, Tensor], k: int, weight: float) -> Losses:
    """A threshold for each latent, and a penalty (L0 / k - 1)^2."""
    z, active = JumpReLU.apply(F.relu(x @ p["W"].T + p["b"]), p["t"].exp())
    penalty = SPARSITY_WEIGHT * y.shape[1] * (active.sum(1).mean() / k - 1).square()
    return squared_error(y, decode(z, p)), penalty, z


def matryoshka_loss(x: Tensor, y: Tensor, p: dict[str, Tensor], k: int, weight: float) -> Losses:
    """BatchTopK latents of which every prefix is trained to reconstruct (Bussmann et al., arXiv:2503.17547); the errors
    of the prefixes are averaged."""
    u = F.relu(x @ p["W"].T + p["b"])
    z = torch.where(u > batch_threshold(u.detach(), k), u, 0.0)
    m, prediction, last, errors = z.shape[1], p["c"], 0, []
    for divisor in PREFIX_DIVISORS:
        end = m // divisor
        prediction = prediction + z[:, last:end] @ p["D"][last:end]
        errors.append(squared_error(y, prediction))
        last = end
    return torch.stack(errors).mean(), torch.zeros(()), z


LOSSES = {"relu": relu_loss, "gated": gated_loss, "jumprelu": jumprelu_loss, "matryoshka": matryoshka_loss}


def as_threshold_encoder(kind: str, p: dict[str, Tensor], threshold: float) -> tuple[Tensor, Tensor, Tensor]:
    """Encoder W (m, D), bias (m,) and threshold (m,) such that u > threshold, else 0, is the code of this kind.

    Gated: the gate W x + g > 0 means that e^r W x + b is above b - e^r g.
    """
    W, b, zero = p["W"], p["b"], torch.zeros(len(p["b"]))
    if kind == "gated":
        scale = p["r"].exp()
        return scale[:, None] * W, b, (b - scale * p["g"]).clamp_min(0)
    if kind == "jumprelu":
        return W, b, p["t"].exp()
    return W, b, zero + threshold if kind in ("batchtopk", "matryoshka") else zero
