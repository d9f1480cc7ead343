"""Independence of several vectors of the same samples, and the sample weights under which they are least dependent.

The Hilbert-Schmidt independence criterion (Gretton et al. 2005) of two vectors is the squared norm of the covariance of
their features; random cosine features see dependence of any kind (StableNet, arXiv:2104.07876, equations 4-8).
"""
import math

import torch
from torch import Tensor


def random_cosines(v: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """(N, K, n) features sqrt(2) cos(w . v + b) of vectors (N, K, D), w standard normal over sqrt(D), b uniform: those
    of a Gaussian kernel, drawn anew for each of the K."""
    K, D = v.shape[1:]
    w = torch.randn(K, D, n, generator=generator).to(v) / math.sqrt(D)
    b = 2 * math.pi * torch.rand(K, n, generator=generator).to(v)
    return math.sqrt(2) * torch.cos(torch.einsum("nkd,kdm->nkm", v, w) + b)


def pairwise_hsic(features: Tensor, weights: Tensor) -> Tensor:
    """Sum over pairs a < b of K of |cov_w(f_a, f_b)|_F^2, a scalar.

    features: (N, K, n). weights: (N,) of the samples, not negative, of sum N. With linear features and weights of 1 a
    pair has tr(K H L H) / (N - 1)^2, K and L the Gram matrices.
    """
    N, K, n = features.shape
    share = weights / N
    centred = features - (share[:, None, None] * features).sum(0)
    flat = centred.flatten(1)
    covariance = (flat * share[:, None]).T @ flat * (N / (N - 1))  # (K n, K n)
    squares = covariance.square().view(K, n, K, n).sum((1, 3))
    return squares.triu(1).sum()


def independent_weights(v: Tensor, *, steps: int, rate: float, features: int, generator: torch.Generator) -> Tensor:
    """(N,) weights of samples v (N, K, D), of sum N, under which the K vectors depend less on each other: N softmax(
    theta), theta from 0 by `steps` of gradient descent on `pairwise_hsic`. Without steps, or of one sample, all are 1.

    rate: of a step, in units of the largest gradient, so that it does not depend on the scale of v.
    """
    N = len(v)
    if not steps or N == 1:
        return v.new_ones(N)
    mapped = random_cosines(v.detach(), features, generator)
    theta = v.new_zeros(N, requires_grad=True)
    with torch.enable_grad():
        for _ in range(steps):
            loss = pairwise_hsic(mapped, N * theta.softmax(0))
            (gradient,) = torch.autograd.grad(loss, theta)
            theta = (theta - rate * gradient / gradient.abs().max().clamp_min(1e-30)).detach().requires_grad_()
    return (N * theta.softmax(0)).detach()
