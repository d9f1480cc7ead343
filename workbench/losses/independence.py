"""Independence of several vectors of a sample: the weighted Hilbert-Schmidt criterion, and weights that lower it.

The criterion (HSIC) of two vectors is the squared norm of the cross-covariance of their features: 0 in the limit if and
only if they are independent, for features of a universal kernel. Random cosine features approximate a Gaussian kernel
(Rahimi and Recht 2007); sample weights that lower the criterion are after StableNet (arXiv:2104.07876).
"""
import math

import torch
from torch import Tensor


def weighted_hsic(features: Tensor, weights: Tensor | None = None) -> Tensor:
    """Sum over pairs a < b of ||C_ab||_F^2, of features (N, K, Q) of K vectors of each sample, and weights (N,) whose
    sum is N (None: all 1). C_ab (Q, Q) is the weighted cross-covariance, divided by N - 1.

    With weights 1 this is the estimate tr(K_a H K_b H) / (N - 1)^2 with kernels that are products of features.

    >>> x = torch.tensor([[0.0], [2.0]])
    >>> weighted_hsic(torch.stack([x, 3 * x], 1)).item()  # covariance 6
    36.0
    """
    N, K, Q = features.shape
    weights = features.new_ones(N) if weights is None else weights
    flat = features.flatten(1)
    centred = flat - weights @ flat / N
    covariance = ((centred * weights[:, None]).mT @ centred / (N - 1)).view(K, Q, K, Q)
    return covariance.square().sum((1, 3)).triu(1).sum()


def cosine_features(x: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """(N, K, Q) features sqrt(2) cos(w . x + phase) of K vectors of N samples, x (N, K, D), each vector with Q = count
    random frequencies and phases of its own. Products of features are on average those of a Gaussian kernel, which is
    as wide as samples are far from their mean.
    """
    _, K, D = x.shape
    frequencies = torch.randn(K, D, count, generator=generator).to(x.device)
    phases = (2 * math.pi * torch.rand(K, count, generator=generator)).to(x.device)
    centred = x - x.mean(0)
    scale = centred.square().sum(2).mean(0).sqrt().clamp_min(1e-6)  # (K,)
    return 2**0.5 * torch.cos(torch.einsum("nkd,kdq->nkq", centred / scale[:, None], frequencies) + phases)


def independence_weights(features: Tensor, *, steps: int, rate: float = 0.05, spread: float = 0.1) -> Tensor:
    """(N,) positive weights with sum N, found by `steps` steps from 1 that lower `weighted_hsic` of features (N, K, Q).

    The weights are N softmax(z). A step moves z against the gradient, by `rate` in the root mean square. spread: weight
    of the mean of (w - 1)^2, which keeps single samples from taking over. Of all steps the best is returned.
    """
    z = features.new_zeros(len(features), requires_grad=True)
    features = features.detach()
    best, found = math.inf, torch.ones_like(z)
    for place in range(steps + 1):
        with torch.enable_grad():
            weights = len(z) * z.softmax(0)
            loss = weighted_hsic(features, weights) + spread * (weights - 1).square().mean()
        if loss.item() < best:
            best, found = loss.item(), weights.detach()
        if place < steps:
            (gradient,) = torch.autograd.grad(loss, z)
            z = (z - rate * gradient / gradient.square().mean().sqrt().clamp_min(1e-12)).detach().requires_grad_()
    return found
