"""What GMC adds to the loss of an RQ-VAE (arXiv 2507.12871): items of one domain are drawn together, those of others
kept apart, so that one codebook serves all domains and still tells them apart."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.errors import UserError
from workbench.tokens.residual_quantiser import Quantised

TEMPERATURE = 0.2


class DomainContrast:
    """A regulariser of `RQVAE`: weight times the contrast of the domains of a batch.

    domains: (n,) integers, the domain of each of the fitted rows. UserError for other shapes, or a weight below 0.
    """

    def __init__(self, domains: np.ndarray, *, weight: float):
        self.domains, self.weight = torch.from_numpy(np.asarray(domains, np.int64)), weight
        if self.domains.ndim != 1 or not weight >= 0:
            raise UserError(f"domains of shape {np.shape(domains)} and {weight=}; one for each item, and 0 or more")

    def __call__(self, index: Tensor, found: Quantised, tables: Tensor, step: int) -> Tensor:
        return self.weight * domain_contrast(found.residuals[:, 0], self.domains[index])


def domain_contrast(latent: Tensor, domains: Tensor) -> Tensor:
    """Supervised InfoNCE of latents (n, D), what enters the first level, with domains (n,):
    -mean_i mean_p log (e^{s_ip} / sum_{j != i} e^{s_ij}), p of the domain of i, s the cosine over TEMPERATURE.

    An item that is alone in its domain is left out. 0 where all are of one domain: there is nothing to tell apart.
    """
    same, itself = domains[:, None] == domains, torch.eye(len(domains), dtype=torch.bool, device=domains.device)
    positive = same & ~itself
    some = positive.any(1)
    if same.all() or not some.any():
        return latent.sum() * 0
    z = F.normalize(latent, dim=1)
    log_p = (z @ z.T / TEMPERATURE).masked_fill(itself, -torch.inf).log_softmax(1).masked_fill(~positive, 0)
    return -(log_p.sum(1)[some] / positive.sum(1)[some]).mean()


def domain_purity(codes: np.ndarray, domains: np.ndarray) -> float:
    """The share of items whose code (n,), of one level, is of their domain (n,) for most of its items."""
    counts = np.zeros((int(codes.max()) + 1, int(domains.max()) + 1), np.int64)
    np.add.at(counts, (codes, domains), 1)
    return float(counts.max(1).sum() / len(codes))
