"""Encoders: the three ways in which a dictionary with a linear decoder computes its latents."""
import torch
from torch import Tensor

ITERATIONS = 100  # of projected gradient; each row's problem has a unique minimum error, which this approaches closely


def encode_threshold(x: Tensor, d) -> Tensor:
    """z_j = u_j if u_j > threshold_j, else 0, with u = W x + bias; then only the k largest per row, if k > 0."""
    u = torch.addmm(d.bias, x, d.encoder.T)
    z = torch.where(u > d.threshold, u, 0.0)
    return z.where(top_k_mask(z, d.k), 0.0) if 0 < d.k < d.latents else z


def encode_nearest(x: Tensor, d) -> Tensor:
    """One active latent in each of k equal groups, the one with the largest u = W x + bias; z is the norm of its row of
    W. If row j is a centroid minus the center and bias_j completes the square, it is the nearest centroid."""
    u = torch.addmm(d.bias, x, d.encoder.T).view(len(x), d.k, -1)
    chosen = u.argmax(dim=2) + torch.arange(d.k) * u.shape[2]
    return torch.zeros(len(x), d.latents).scatter_(1, chosen, d.encoder.norm(dim=1)[chosen])


def encode_nonnegative(x: Tensor, d) -> Tensor:
    """Nonnegative least squares: the z >= 0 for which z W is closest to the split signs of x - center, W (m, 2 D) >= 0;
    then only the k largest per row, if k > 0, solved again without the others."""
    signs = split_signs(x - d.center)
    projection, gram = signs @ d.encoder.T, d.encoder @ d.encoder.T
    z = nonnegative_least_squares(projection, gram, torch.ones_like(projection, dtype=torch.bool))
    return nonnegative_least_squares(projection, gram, top_k_mask(z, d.k)) if 0 < d.k < d.latents else z


ENCODERS = {"threshold": encode_threshold, "nearest": encode_nearest, "nonnegative": encode_nonnegative}


def split_signs(x: Tensor) -> Tensor:
    """(n, 2 D): the positive parts of x (n, D), then the negative parts.

    >>> split_signs(torch.tensor([[2.0, -3.0]])).tolist()
    [[2.0, 0.0, 0.0, 3.0]]
    """
    return torch.cat([x.clamp_min(0), (-x).clamp_min(0)], dim=1)


def top_k_mask(z: Tensor, k: int) -> Tensor:
    """(n, m) bool: the k largest of each row."""
    return torch.zeros_like(z, dtype=torch.bool).scatter_(1, z.topk(k, dim=1).indices, True)


def nonnegative_least_squares(projection: Tensor, gram: Tensor, free: Tensor) -> Tensor:
    """(n, m) nonnegative z that minimise ||s - z H||^2, for all rows at once: projection = s H^T (n, m), gram = H H^T
    (m, m); z stays 0 where `free` (n, m) is false. Accelerated projected gradient (FISTA; Beck and Teboulle, 2009)."""
    step = 1 / torch.linalg.matrix_norm(gram, 2).clamp_min(1e-12)
    z = extrapolated = torch.zeros_like(projection)
    momentum = 1.0
    for _ in range(ITERATIONS):
        new = (extrapolated + step * (projection - extrapolated @ gram)).clamp_min_(0) * free
        next_momentum = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        extrapolated, z, momentum = new + (momentum - 1) / next_momentum * (new - z), new, next_momentum
    return z
