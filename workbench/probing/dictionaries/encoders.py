"""How a dictionary reads its latents off activations: the three kinds of code that a linear decoder can have."""
import torch
from torch import Tensor

ROUNDS = 100  # of projected gradient; each row's own problem has a unique smallest error, and this is close to it


def threshold(x: Tensor, d) -> Tensor:
    """z_j = u_j where u_j > threshold_j, else 0, with u = W x + bias; then only the k largest of a row, if k."""
    u = torch.addmm(d.bias, x, d.encoder.T)
    z = torch.where(u > d.threshold, u, 0.0)
    return z.where(largest(z, d.k), 0.0) if 0 < d.k < d.latents else z


def nearest(x: Tensor, d) -> Tensor:
    """One latent in each of k parts of as many, the one with the largest u = W x + bias; its z is the length of its row
    of W. Where row j is a centroid less the center and bias_j completes the square, that is the nearest centroid."""
    u = torch.addmm(d.bias, x, d.encoder.T).view(len(x), d.k, -1)
    chosen = u.argmax(dim=2) + torch.arange(d.k) * u.shape[2]
    return torch.zeros(len(x), d.latents).scatter_(1, chosen, d.encoder.norm(dim=1)[chosen])


def nonnegative(x: Tensor, d) -> Tensor:
    """The z >= 0 of which z W is closest to the two signs of x - center, W (m, 2 D) >= 0; then only the k largest of a
    row, if k, solved for again without the others."""
    signs = split(x - d.center)
    read, gram = signs @ d.encoder.T, d.encoder @ d.encoder.T
    z = least_squares(read, gram, torch.ones_like(read, dtype=torch.bool))
    return least_squares(read, gram, largest(z, d.k)) if 0 < d.k < d.latents else z


READINGS = {"threshold": threshold, "nearest": nearest, "nonnegative": nonnegative}


def split(x: Tensor) -> Tensor:
    """(n, 2 D): the positive parts of x (n, D), then the negative ones.

    >>> split(torch.tensor([[2.0, -3.0]])).tolist()
    [[2.0, 0.0, 0.0, 3.0]]
    """
    return torch.cat([x.clamp_min(0), (-x).clamp_min(0)], dim=1)


def largest(z: Tensor, k: int) -> Tensor:
    """(n, m) bool: the k largest of each row."""
    return torch.zeros_like(z, dtype=torch.bool).scatter_(1, z.topk(k, dim=1).indices, True)


def least_squares(read: Tensor, gram: Tensor, free: Tensor) -> Tensor:
    """(n, m) nonnegative z that make ||s - z H||^2 small, all rows at once: read = s H^T (n, m), gram = H H^T (m, m);
    where `free` (n, m) is false, z stays 0. Accelerated projected gradient (Beck and Teboulle 2009)."""
    step = 1 / torch.linalg.matrix_norm(gram, 2).clamp_min(1e-12)
    z = ahead = torch.zeros_like(read)
    pace = 1.0
    for _ in range(ROUNDS):
        after = (ahead + step * (read - ahead @ gram)).clamp_min_(0) * free
        faster = (1 + (1 + 4 * pace**2) ** 0.5) / 2
        ahead, z, pace = after + (pace - 1) / faster * (after - z), after, faster
    return z
