"""A row of items to latents and back: the network of autoencoders for collaborative filtering."""
from torch import Tensor, nn

from workbench.nets.rows.bags import Bag, BagEncoder, xavier_linear, xavier_table


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

    def decode(self, z: Tensor) -> Tensor:
        """(..., D) states of latents (..., Z)."""
        return self.decoder(z).tanh()

    def logits(self, states: Tensor) -> Tensor:
        """(..., I+1) of states (..., D)."""
        return states @ self.item.weight.T + self.bias.weight[:, 0]

    def forward(self, bag: Bag) -> Tensor:
        """(B, D) states of the means of the latents."""
        return self.decode(self.encoder(bag)[0])


def sample(mean: Tensor, log_variance: Tensor | None, noise: Tensor | None) -> Tensor:
    """(..., Z) the mean moved by noise (..., Z) of the standard deviation that is given; without a variance, or without
    noise, the mean itself (Kingma and Welling 2014, arXiv:1312.6114, section 2.4)."""
    return mean if log_variance is None or noise is None else mean + (log_variance / 2).exp() * noise
