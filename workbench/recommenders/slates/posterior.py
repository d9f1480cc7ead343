"""What is known of B users at a time: a Gaussian over each one's vector, updated after every slate.

The prior is standard normal. A slate's log-likelihood is replaced by its second-order expansion at the mean so far,
with the Fisher information as curvature (online Laplace, one Newton step); for a linear-Gaussian observation that is
Bayes' rule exactly.
"""
from typing import NamedTuple

import numpy as np


class Posterior(NamedTuple):
    """mean: (B, D). precision: (B, D, D), the inverse of the covariance."""

    mean: np.ndarray
    precision: np.ndarray

    def updated(self, gradient: np.ndarray, information: np.ndarray) -> "Posterior":
        """After an observation whose log-likelihood has gradient (B, D) and information (B, D, D) at the mean."""
        precision = self.precision + information
        return Posterior(self.mean + np.linalg.solve(precision, gradient[..., None])[..., 0], precision)

    def samples(self, noise: np.ndarray, *, variance: float, isotropic: bool) -> np.ndarray:
        """(B, S, D) samples from standard normal noise (B, S, D). variance: factor of the covariance. isotropic: the
        covariance is replaced by its mean over all directions, which keeps how much is unknown and not where."""
        if isotropic:
            covariance = np.linalg.inv(self.precision)
            spread = np.sqrt(np.trace(covariance, axis1=1, axis2=2) / noise.shape[2])
            off = spread[:, None, None] * noise
        else:  # of the precision L L', so that L'^-1 noise has its inverse as covariance
            root = np.linalg.cholesky(self.precision)
            off = np.linalg.solve(root.transpose(0, 2, 1), noise.transpose(0, 2, 1)).transpose(0, 2, 1)
        return self.mean[:, None] + np.sqrt(variance) * off


def prior(n: int, width: int) -> Posterior:
    """Of n users about whom nothing is known."""
    return Posterior(np.zeros((n, width)), np.tile(np.eye(width), (n, 1, 1)))


def choice_evidence(p: np.ndarray, vectors: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(gradient, information) of a choice among n options with vectors (B, n, D) or (n, D), and probabilities (B, n);
    what is left to 1 is no choice, whose vector is 0. chosen: (B, D) the vector of what was chosen, 0 for nothing.

    Of a softmax: the gradient is chosen - E[v], the information the covariance of v under p.
    """
    D = vectors.shape[-1]
    if vectors.ndim == 2:
        mean = p @ vectors
        squares = (p @ (vectors[:, :, None] * vectors[:, None]).reshape(len(vectors), -1)).reshape(-1, D, D)
    else:
        mean = np.einsum("bn,bnd->bd", p, vectors)
        squares = np.einsum("bn,bnd,bne->bde", p, vectors, vectors)
    return chosen - mean, squares - mean[:, :, None] * mean[:, None]
