"""Alignment and uniformity of unit vectors: what belongs together is near, all else is spread over the sphere.

Wang and Isola, 2020 (arXiv:2005.10242); the calibrated form is of CM3, arXiv:2508.01226.
"""
import math

import torch
import torch.nn.functional as F
from torch import Tensor

SCALE = 2.0  # t in exp(-t d^2)


def alignment(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared distance of the normalised rows of a and b (n, D), which belong together in pairs.

    >>> alignment(torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 1.0]])).item()
    2.0
    """
    return (F.normalize(a, dim=1) - F.normalize(b, dim=1)).square().sum(1).mean()


def uniformity(x: Tensor) -> Tensor:
    """log of the mean over pairs of rows of exp(-2 d^2), d the distance of normalised rows of x (n, D); 0 where there
    is no pair. Lowest where the rows cover the sphere evenly.

    >>> uniformity(torch.tensor([[3.0, 0.0], [0.0, 1.0]])).item()
    -4.0
    """
    return calibrated_uniformity(x, None)


def calibrated_uniformity(x: Tensor, similarity: Tensor | None) -> Tensor:
    """log of the mean over pairs of rows a, b of exp(-2 (d_ab^2 - 2 + 2 s_ab)): of two rows the less alike repel more.

    x: (n, D), normalised here. similarity: (n, n) s_ab, at most 1, where it is `uniformity`; None is 1 everywhere.

    >>> calibrated_uniformity(torch.eye(2), torch.tensor([[1.0, 0.5], [0.5, 1.0]])).item()
    -2.0
    """
    n = len(x)
    if n < 2:
        return (x * 0).sum()
    x = F.normalize(x, dim=1)
    exponent = -SCALE * (2 - 2 * (x @ x.T))  # d^2 of unit vectors
    if similarity is not None:
        exponent = exponent + SCALE * 2 * (1 - similarity)
    own = torch.eye(n, dtype=torch.bool, device=x.device)
    return exponent.masked_fill(own, -torch.inf).flatten().logsumexp(0) - math.log(n * (n - 1))
