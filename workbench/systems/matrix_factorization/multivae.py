"""Mult-VAE: an autoencoder reads all items of a user at once, as draws from one distribution over the catalogue.

Paper     Variational Autoencoders for Collaborative Filtering, WWW 2018, arXiv:1802.05814.
Idea      A user's items are draws from one distribution over the catalogue, for whose probability all items compete.
          A network infers a Gaussian over what the user is like from the items, and another the distribution from that.
Equation  x: the row of the user's items;  h = tanh(W1 dropout(x / |x|) + b1);  mu = W2 h + b2;  log s^2 = W3 h + b3
          z = mu + s eps;  f = W5 tanh(W4 z + b4) + b5;  pi = softmax(f)
          loss = -sum_i x_i log pi_i + beta KL(N(mu, s^2) | N(0, I)), beta annealed from 0;  served by f of z = mu
Claim     The Gaussian, with a weight below 1 of its divergence, ranks better than a plain denoising autoencoder of the
          same size (gaussian=False, the ablation, close to the paper's Mult-DAE), and more by the variance of the own
          row than by that of another user (permuted=True, the placebo).
Differs   Hidden layers of 200, latents of 64, in place of 600 and 200, for the smaller catalogues here; Adam with
          batches of 128 users in place of 500; beta is .5, by the validation of Office, and grows over the first tenth
          of the training: in the paper it is chosen on the way up, .2 for ML-20M. Mult-DAE has one hidden layer and
          weight decay in the paper, here the layers of Mult-VAE. A row holds each item once.
Reported  ML-20M, ratings of 4 and more, users not in train: NDCG@100 .426, Recall@20 .395, Recall@50 .537; Mult-DAE
          .419, .387, .524.
"""
from torch import Tensor

from workbench.data import Histories
from workbench.losses.multinomial import multinomial_nll
from workbench.losses.variational import gaussian_kl
from workbench.nets.rows.autoencoder import RowAutoencoder, sample
from workbench.recommenders.rows.over_multivae import MULTIVAE_RECIPE, annealed, check_row_sizes, row_autoencoder
from workbench.recommenders.rows.user_rows import StepNoise, item_bag, user_rows
from workbench.train import named_rng

PARENT = None
OFF = {"gaussian": False}
PLACEBO = {"permuted": True}
RECIPE = MULTIVAE_RECIPE


def build(bench, *, gaussian=True, permuted=False, beta=0.5, dropout=0.5, width=200, latent=64):
    """Mult-VAE for the bench's catalogue; it reads the items of a history, not whose they are.

    gaussian: whether latents have a variance; without it nothing is drawn and there is no divergence. permuted: the
    placebo, in training each row has the variance of another of its batch. beta: weight of the divergence. dropout: the
    share of a row that is not read in training. width, latent: D of the hidden layers and Z. UserError for a setting
    out of range.
    """
    check_row_sizes("multivae", width, latent, dropout, beta)
    module = row_autoencoder(bench, width=width, latent=latent, dropout=dropout, gaussian=gaussian)

    def loss(module: RowAutoencoder, rows: Histories, step: int, share: float) -> Tensor:
        bag = item_bag(rows, module.item.weight.device)
        mean, log_variance = module.encoder(bag)  # (B, Z), (B, Z) or None
        if not gaussian:
            return multinomial_nll(module.logits(mean), bag.rows(), bag.ids).mean()
        if permuted:
            log_variance = log_variance[named_rng(bench.seed, "variances", step).permutation(len(mean))]
        eps = StepNoise(bench.seed, step).gaussian("latents of items", mean.shape, mean.device)
        z = sample(mean, log_variance, eps)
        likelihood = multinomial_nll(module.logits(z), bag.rows(), bag.ids).mean()
        return likelihood + annealed(beta, share) * gaussian_kl(mean, log_variance).mean()

    return user_rows(module, loss=loss)
