"""Mult-VAE: a variational autoencoder of users' rows of items, under a multinomial likelihood."""
from torch import Tensor

from workbench.data import Histories
from workbench.losses.multinomial import multinomial_nll
from workbench.losses.variational import gaussian_kl
from workbench.nets.rows.autoencoder import RowAutoencoder, sample
from workbench.recommenders.rows.over_multivae import MULTIVAE_RECIPE, annealed, check_row_sizes, row_autoencoder
from workbench.recommenders.rows.user_rows import item_bag, noise_like, user_rows
from workbench.train import named_rng

PARENT = None
OFF = {"gaussian": False}
PLACEBO = {"permuted": True}
RECIPE = MULTIVAE_RECIPE


def build(bench, *, gaussian=True, permuted=False, beta=0.2, dropout=0.5, width=200, latent=64):
    """Mult-VAE for the bench's catalogue."""
    check_row_sizes("multivae", width, latent, dropout, beta)
    module = row_autoencoder(bench, width=width, latent=latent, dropout=dropout, gaussian=gaussian)

    def loss(module: RowAutoencoder, rows: Histories, step: int, share: float) -> Tensor:
        bag = item_bag(rows, module.item.weight.device)
        mean, log_variance = module.encoder(bag)
        noise = noise_like(mean, bench.seed, "latents", step) if gaussian else None
        if gaussian and permuted:
            log_variance = log_variance[named_rng(bench.seed, "variances", step).permutation(len(mean))]
        z = sample(mean, log_variance, noise)
        value = multinomial_nll(module.logits(module.decode(z)), bag.rows(), bag.ids).mean()
        return value + annealed(beta, share) * gaussian_kl(mean, log_variance).mean() if gaussian else value

    return user_rows(module, loss=loss)
