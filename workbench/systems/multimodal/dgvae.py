"""DGVAE: prototypes shared by a user's items and their words divide a variational autoencoder into interests."""
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_matrix, identity
from torch import Tensor, nn

from workbench.data import Histories
from workbench.data.graph import binary_user_items
from workbench.embed.knn_graph import item_knn_graph
from workbench.embed.words import item_words, words_of_rows
from workbench.errors import UserError
from workbench.losses.multinomial import multinomial_nll
from workbench.losses.mutual_information import jensen_shannon
from workbench.losses.variational import gaussian_kl
from workbench.nets.propagation import Edges, normalise
from workbench.nets.rows.autoencoder import RowAutoencoder, sample
from workbench.nets.rows.bags import Bag, BagEncoder, xavier_linear, xavier_table
from workbench.nets.rows.prototypes import divided, log_shares, mixture, signed_attention
from workbench.recommenders.rows.over_multivae import MULTIVAE_RECIPE, annealed, check_row_sizes, row_autoencoder
from workbench.recommenders.rows.row_network import RowNetwork
from workbench.recommenders.rows.user_rows import item_bag, noise_like
from workbench.train import named_rng

PARENT = "multivae"
OFF = {"prototypes": 1, "words": 0.0, "align": 0.0, "neighbours": 0}
PLACEBO = {"permuted": True}
RECIPE = MULTIVAE_RECIPE
SPREAD = 0.075  # standard deviation of the noise on a unit sphere where the encoder leaves its variance at 1


class Output(NamedTuple):
    items: Tensor
    words: Tensor | None
    divergence: list[Tensor]
    views: tuple | None


class Interests(nn.Module):
    def __init__(self, rows: RowAutoencoder, *, tau: float):
        super().__init__()
        self.rows, self.tau, self.sphere = rows, tau, False
        self.edges = self.words = self.prototypes = None

    def shares(self, vectors, noise=None):
        if self.prototypes is None:
            return vectors.new_zeros(len(vectors), 1)
        return log_shares(vectors, self.prototypes, self.tau, noise)

    def latents(self, encoder, bag, shares, table, noise, name):
        mean, log_variance = encoder(bag if shares.shape[1] == 1 else divided(bag, shares.exp()), table)
        noise = noise(name, mean) if noise else None
        if not self.sphere:
            return sample(mean, log_variance, noise), gaussian_kl(mean, log_variance)
        z = sample(F.normalize(mean, dim=1), log_variance, None if noise is None else SPREAD * noise)
        return F.normalize(z, dim=1), gaussian_kl(torch.zeros_like(mean), log_variance)

    def forward(self, items: Bag, words: Bag | None, noise=None, gumbel=None) -> Output:
        vectors, table = self.rows.item.weight, self.rows.encoder.table.weight
        if self.edges is not None:
            table = (table + self.edges(self.edges(table))) / 2
        c = self.shares(vectors, gumbel and gumbel("item shares", vectors))
        K = c.shape[1]
        z, kl = self.latents(self.rows.encoder, items, c, table, noise, "latents")
        divergence, views, of_words = [kl.unflatten(0, (K, -1)).sum(0).mean()], None, None
        if self.words is not None:
            v = self.shares(self.words.word.weight, gumbel and gumbel("word shares", self.words.word.weight))
            z_w, kl = self.latents(self.words.encoder, words, v, None, noise, "word latents")
            divergence.append(kl.unflatten(0, (K, -1)).sum(0).mean())
            a, b = (x.unflatten(0, (K, -1)).transpose(0, 1) for x in (z, z_w))
            views = (signed_attention(b, a) @ a, signed_attention(a, b) @ b)
            z = sum(views).transpose(0, 1).flatten(0, 1)
            
        states = self.rows.decode(z)
        if self.words is not None:
            of_words = mixture(states @ self.words.word.weight.T + self.words.bias.weight[:, 0], v)
        return Output(mixture(self.rows.logits(states), c), of_words, divergence, views)


class Words(nn.Module):
    def __init__(self, n, *, width, latent, dropout):
        super().__init__()
        self.encoder = BagEncoder(n, width=width, latent=latent, dropout=dropout)
        self.encoder.variance = xavier_linear(width, latent)
        self.word, self.bias = xavier_table(n, width), nn.Embedding(n + 1, 1, padding_idx=0)
        nn.init.zeros_(self.bias.weight)


def sparse_bag(matrix: csr_matrix, device) -> Bag:
    arrays = (matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64), matrix.data.astype(np.float32))
    return Bag(*(torch.from_numpy(a).to(device) for a in arrays))


def build(bench, *, prototypes=4, tau=0.1, words=0.2, align=0.2, neighbours=10, permuted=False, beta=0.2, dropout=0.5,
          width=200, latent=64):
    check_row_sizes("dgvae", width, latent, dropout, beta)
    n = bench.split.n_items
    net = Interests(row_autoencoder(bench, width=width, latent=latent, dropout=dropout), tau=tau)
    net.sphere = prototypes > 1 or words > 0
    order = np.arange(n + 1)
    if permuted:
        order[1:] = bench.rng("permuted texts").permutation(n) + 1
    if neighbours:
        graph = item_knn_graph(bench.vectors("text"), neighbours)[order][:, order] + identity(n + 1, format="csr")
        net.edges = Edges(normalise(csr_matrix(graph), "row"))
    table = None
    if words:
        table, names = item_words(bench.dataset)
        table = table[order]
        with bench.init("words"):
            net.words = Words(table.shape[1] - 1, width=width, latent=latent, dropout=dropout)
    if prototypes > 1:
        with bench.init("prototypes"):
            net.prototypes = nn.Parameter(nn.init.xavier_normal_(torch.empty(prototypes, width)))

    def inputs(rows):
        device = net.rows.item.weight.device
        read = sparse_bag(words_of_rows(binary_user_items(rows, n), table), device) if words else None
        return item_bag(rows, device), read

    def loss(module, rows, step, share):
        bag, read = inputs(rows)

        def gumbel(name, vectors):
            if module.prototypes is None:
                return None
            u = named_rng(bench.seed, name, step).gumbel(size=(len(vectors), prototypes)).astype(np.float32)
            return torch.from_numpy(u).to(vectors.device)

        out = module(bag, read, lambda name, mean: noise_like(mean, bench.seed, name, step), gumbel)
        weight = annealed(beta, share)
        value = multinomial_nll(out.items, bag.rows(), bag.ids).mean() + weight * out.divergence[0]
        if words:
            text = multinomial_nll(out.words, read.rows(), read.ids, read.weights).mean()
            value = value + words * (text + weight * out.divergence[1])
        return value + align * jensen_shannon(*out.views) if align else value

    return RowNetwork(net, score=lambda module, rows: module(*inputs(rows)).items, loss=loss)
