"""A row of items to latents and back: networks of autoencoders for collaborative filtering."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.losses.variational import gaussian_kl
from workbench.nets.rows.bags import Bag, BagEncoder, xavier_linear, xavier_table

SPREAD = 0.075  # standard deviation on the unit sphere where the encoder leaves the variance at 1, as in MacridVAE


class RowAutoencoder(nn.Module):
    """Bags of items to states (B, D), which are multiplied with `item.weight` (I+1, D); `bias.weight` is (I+1, 1).

    width: D, of the hidden layers of encoder and decoder. latent, dropout: see `BagEncoder`.
    """

    def __init__(self, n_items: int, *, width: int, latent: int, dropout: float):
        super().__init__()
        self.encoder = BagEncoder(n_items, width=width, latent=latent, dropout=dropout)
        self.decoder = xavier_linear(latent, width)
        self.item, self.bias = xavier_table(n_items, width), nn.Embedding(n_items + 1, 1, padding_idx=0)
        nn.init.zeros_(self.bias.weight)

    def latents(self, bag: Bag, noise: Tensor | None, table: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Latents (B, Z) and their divergence (B,) from the standard Gaussian. noise: standard Gaussian (B, Z), None
        for the means. table: see `BagEncoder`, which needs its `variance`."""
        mean, log_variance = self.encoder(bag, table)
        return sample(mean, log_variance, noise), gaussian_kl(mean, log_variance)

    def decode(self, z: Tensor) -> Tensor:
        """(B, D) states of latents (B, Z)."""
        return self.decoder(z).tanh()

    def logits(self, z: Tensor) -> Tensor:
        """(B, I+1) of latents (B, Z)."""
        return self.decode(z) @ self.item.weight.T + self.bias.weight[:, 0]

    def forward(self, bag: Bag) -> Tensor:
        """(B, D) states of the means of the latents."""
        return self.decode(self.encoder(bag)[0])


class SphereAutoencoder(nn.Module):
    """As `RowAutoencoder`, but latents are directions and the logit of an item is its cosine with them, divided by tau
    (Ma et al. 2019, arXiv:1910.14238, section 3): no item is far from all others only because its vector is short.

    ids: their number, of items or of words. `item.weight` is (ids+1, Z).
    """

    def __init__(self, ids: int, *, width: int, latent: int, dropout: float, tau: float):
        super().__init__()
        self.encoder = BagEncoder(ids, width=width, latent=latent, dropout=dropout)
        self.encoder.variance = xavier_linear(width, latent)
        self.item, self.bias = xavier_table(ids, latent), nn.Embedding(ids + 1, 1, padding_idx=0)
        nn.init.zeros_(self.bias.weight)
        self.tau = tau

    def latents(self, bag: Bag, noise: Tensor | None, table: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Unit vectors (B, Z), and the divergence (B,) of their variances alone: the mean has length 1 whatever it is.
        noise: standard Gaussian (B, Z), None for the means. table: see `BagEncoder`."""
        mean, log_variance = self.encoder(bag, table)
        z = sample(F.normalize(mean, dim=1), log_variance, None if noise is None else SPREAD * noise)
        return F.normalize(z, dim=1), gaussian_kl(torch.zeros_like(mean), log_variance)

    def logits(self, z: Tensor) -> Tensor:
        """(B, ids+1) of vectors (B, Z), whose length counts."""
        return z @ F.normalize(self.item.weight, dim=1).T / self.tau + self.bias.weight[:, 0]


def sample(mean: Tensor, log_variance: Tensor | None, noise: Tensor | None) -> Tensor:
    """(..., Z) the mean moved by noise (..., Z) of the standard deviation that is given; without a variance, or without
    noise, the mean itself (Kingma and Welling 2014, arXiv:1312.6114, section 2.4)."""
    return mean if log_variance is None or noise is None else mean + (log_variance / 2).exp() * noise
