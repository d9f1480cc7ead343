"""Autoencoders that are trained by autograd: ReLU with an L1 penalty, Gated, JumpReLU, Matryoshka.

Each form is a loss of one batch that reads x (B, D) and makes y (B, E), x itself but for a transcoder, in the units of
FVU, and a way to be exported. `k` is how many latents are wanted on average: JumpReLU has it in its loss; for the L1
penalties of ReLU and Gated the weight is steered towards it, so that forms can be compared where they are equally
sparse.
"""
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.probing.dictionaries.topk import batch_threshold, without_skip

WIDTH = 0.3  # of the window around a threshold in which it has a gradient, in units of scaled activations
FIRST, RATE = 0.01, 0.02  # the penalty's first weight, and how fast it follows
STRENGTH = 0.5  # of JumpReLU's penalty for missing k
NESTED = (16, 8, 4, 2, 1)  # Matryoshka: prefixes of m / 16 .. m latents


class Jump(torch.autograd.Function):
    """z = u where u > theta, and how many do: with straight-through gradients for theta (Rajamanoharan et al.,
    arXiv:2407.14435): dz/dtheta = -theta K / width, dL0/dtheta = -K / width, K = 1 in the window."""

    @staticmethod
    def forward(ctx, u: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(u, theta)
        on = u > theta
        return u * on, on.to(u.dtype)

    @staticmethod
    def backward(ctx, gz: Tensor, gn: Tensor) -> tuple[Tensor, Tensor]:
        u, theta = ctx.saved_tensors
        near = ((u - theta).abs() <= WIDTH / 2) / WIDTH
        return gz * (u > theta), -(near * (theta * gz + gn)).sum(0)


def extra(form: str, latents: int, level: float = 1.0) -> dict[str, Tensor]:
    """What a form learns beside W, b, D and c; level: above which the wanted share of latents lies at the start."""
    if form == "gated":
        return {"r": torch.zeros(latents), "g": torch.zeros(latents)}
    return {"t": torch.full((latents,), math.log(level))} if form == "jumprelu" else {}


def rebuilt(z: Tensor, p: dict[str, Tensor]) -> Tensor:
    """(B, D) reconstructions of latents (B, m)."""
    return z @ p["D"] + p["c"]


class AutogradStep:
    """As `topk.SparseStep`, for the forms of this file."""

    def __init__(self, form: str, k: int, variance: float):
        self.loss, self.k, self.variance, self.weight = LOSSES[form], k, variance, FIRST

    def __call__(self, x: Tensor, y: Tensor, p: dict[str, Tensor], dead: Tensor) -> tuple[float, Tensor, float]:
        """Gradients into p; FVU of the batch, the latents that fired with repetitions, the smallest value kept."""
        for name in p:
            p[name].requires_grad_(True).grad = None
        wanted = without_skip(x, y, p)
        error, penalty, z = self.loss(x, wanted, p, self.k, self.weight)
        ((error + penalty) / self.variance).backward()
        for name in p:
            p[name].requires_grad_(False)
        fired = (z.detach() > 0).nonzero()[:, 1]  # a NaN is not
        active = max(len(fired) / len(x), 1e-3)
        self.weight *= math.exp(RATE * max(-1.0, min(1.0, math.log(active / self.k))))
        with torch.no_grad():
            fvu = float((rebuilt(z, p) - wanted).square().sum() / len(x) / self.variance)
            smallest = float(z[z > 0].min()) if len(fired) else 0.0
        return fvu, fired, smallest


Losses = tuple[Tensor, Tensor, Tensor]  # error, penalty, and the latents (B, m)


def squares(y: Tensor, guess: Tensor) -> Tensor:
    """Mean over rows of the squared error."""
    return (guess - y).square().sum(1).mean()


def relu(x: Tensor, y: Tensor, p: dict[str, Tensor], k: int, weight: float) -> Losses:
    """ReLU with an L1 penalty scaled by the directions' lengths, so that z / s and s w are no cheaper."""
    z = F.relu(x @ p["W"].T + p["b"])
    return squares(y, rebuilt(z, p)), weight * y.shape[1] * (z * p["D"].norm(dim=1)).sum(1).mean(), z


def gated(x: Tensor, y: Tensor, p: dict[str, Tensor], k: int, weight: float) -> Losses:
    """A gate decides what fires, a magnitude how much (Rajamanoharan et al., arXiv:2404.16014). The gate learns from
    the penalty and from reconstructing alone, through directions that are held still."""
    read = x @ p["W"].T
    gate = F.relu(read + p["g"])
    z = (gate > 0) * F.relu(read * p["r"].exp() + p["b"])
    alone = squares(y, gate @ p["D"].detach() + p["c"].detach())
    return squares(y, rebuilt(z, p)) + alone, weight * y.shape[1] * (gate * p["D"].norm(dim=1)).sum(1).mean(), z


def jumprelu(x: Tensor, y: Tensor, p: dict[str, Tensor], k: int, weight: float) -> Losses:
    """A threshold for each latent, and a penalty (L0 / k - 1)^2."""
    z, on = Jump.apply(F.relu(x @ p["W"].T + p["b"]), p["t"].exp())
    return squares(y, rebuilt(z, p)), STRENGTH * y.shape[1] * (on.sum(1).mean() / k - 1).square(), z


def matryoshka(x: Tensor, y: Tensor, p: dict[str, Tensor], k: int, weight: float) -> Losses:
    """BatchTopK latents of which every prefix has to reconstruct as well as it can (Bussmann et al., arXiv:2503.17547);
    the prefixes' errors are averaged."""
    u = F.relu(x @ p["W"].T + p["b"])
    z = torch.where(u > batch_threshold(u.detach(), k), u, 0.0)
    m, guess, last, errors = z.shape[1], p["c"], 0, []
    for part in NESTED:
        guess = guess + z[:, last : m // part] @ p["D"][last : m // part]
        errors.append(squares(y, guess))
        last = m // part
    return torch.stack(errors).mean(), torch.zeros(()), z


LOSSES = {"relu": relu, "gated": gated, "jumprelu": jumprelu, "matryoshka": matryoshka}


def plain(form: str, p: dict[str, Tensor], threshold: float) -> tuple[Tensor, Tensor, Tensor]:
    """Encoder W (m, D), bias (m,) and threshold (m,) with which u > threshold, else 0, is the form's code.

    Gated: the gate W x + g > 0 says that e^r W x + b is above b - e^r g.
    """
    W, b, zero = p["W"], p["b"], torch.zeros(len(p["b"]))
    if form == "gated":
        scale = p["r"].exp()
        return scale[:, None] * W, b, (b - scale * p["g"]).clamp_min(0)
    if form == "jumprelu":
        return W, b, p["t"].exp()
    return W, b, zero + threshold if form in ("batchtopk", "matryoshka") else zero
