"""Influence functions: what the removal of one sample would do to a loss, without training again.

To first order, the loss whose gradient is v rises by g . H^(-1) v / n where a sample with the gradient g is left out of
n, H being the Hessian of the mean loss (Koh and Liang, arXiv:1703.04730, section 2.2).
"""
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from workbench.errors import UserError
from workbench.recommenders.selection.surrogate import Surrogate
from workbench.train import named_rng

DAMP, SCALE = 0.01, 25.0  # as in the release of DEALRec
BATCH = 16  # histories of a step


def hessian_product(loss: Tensor, weight: Tensor, direction: Tensor) -> Tensor:
    """The Hessian of a loss by its weight, times a direction of the weight's shape."""
    (gradient,) = torch.autograd.grad(loss, weight, create_graph=True)
    return torch.autograd.grad((gradient * direction).sum(), weight)[0]


def inverse_product(
    product: Callable[[Tensor, int], Tensor], v: Tensor, *, steps: int, damp: float = DAMP, scale: float = SCALE
) -> Tensor:  # fmt: skip
    """(H + damp scale I)^(-1) v by the recursion h <- v + (1 - damp) h - H h / scale (Agarwal et al.,
    arXiv:1602.03943), from h = v. It converges where the eigenvalues of H are positive and below (2 - damp) scale.

    product(h, step): H h, of a batch that the step may choose. UserError where it does not converge.
    """
    h = v
    for step in range(steps):
        h = v + (1 - damp) * h - product(h, step) / scale
    if not torch.isfinite(h).all():
        raise UserError(f"influence: the inverse Hessian does not converge in {steps:,} steps; take fewer", code=1)
    return h / scale


def influence(surrogate: Surrogate, *, steps: int, seed: int) -> np.ndarray:
    """(B,) by how much the mean loss of B histories would rise where one of them is left out, times B; higher is more
    useful. steps: of the recursion, each on BATCH histories drawn by the seed."""
    picks = torch.from_numpy(named_rng(seed, "influence").integers(0, surrogate.n, (steps, BATCH)))

    def product(h: Tensor, step: int) -> Tensor:
        return hessian_product(surrogate.loss(picks[step], surrogate.weight), surrogate.weight, h)

    return surrogate.gradients_along(inverse_product(product, surrogate.mean_gradient(), steps=steps))
