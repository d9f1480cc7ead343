"""Mult-VAE: a variational autoencoder of users' rows of items, under a multinomial likelihood."""
import numpy as np
import torch
from torch import Tensor

from workbench.data import Histories
from workbench.errors import UserError
from workbench.losses.multinomial import multinomial_nll
from workbench.losses.variational import gaussian_kl
from workbench.nets.bags import xavier_linear
from workbench.nets.row_autoencoder import RowAutoencoder, sample
from workbench.recommenders.user_rows import item_bag, noise_like, user_rows
from workbench.train import Recipe, named_rng

PARENT = None
OFF = {"gaussian": False}
PLACEBO = {"permuted": True}
RECIPE = Recipe(epochs=200, batch_size=128, lr=1e-3, patience=10, valid_every=2)
ANNEAL = 0.8


def build(bench, *, gaussian=True, permuted=False, beta=0.2, anneal=0.8, dropout=0.5, width=200, latent=64):
    if width < 1 or latent < 1 or not 0 <= dropout < 1 or beta < 0:
        raise UserError("multivae")
    with bench.init():
        module = RowAutoencoder(bench.split.n_items, width=width, latent=latent, dropout=dropout)
    if gaussian:
        with bench.init("variance"):
            module.encoder.variance = xavier_linear(width, latent)

    def loss(module: RowAutoencoder, rows: Histories, step: int, share: float) -> Tensor:
        bag = item_bag(rows, module.item.weight.device)
        mean, log_variance = module.encoder(bag)
        if permuted:
            log_variance = log_variance[named_rng(bench.seed, "variances", step).permutation(len(mean))]
        z = sample(mean, log_variance, noise_like(mean, bench.seed, "latents", step) if gaussian else None)
        value = multinomial_nll(module.logits(module.decode(z)), bag.rows(), bag.ids).mean()
        if not gaussian:
            return value
        return value + beta * min(1.0, share / anneal) * gaussian_kl(mean, log_variance).mean()

    return user_rows(module, loss=loss)
