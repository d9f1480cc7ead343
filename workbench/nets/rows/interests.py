"""A user as several latent vectors, one for each prototype, inferred from two sides of a row: its items and its words.

The network of DGVAE (arXiv:2402.16110) without what is particular to a dataset.
"""
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from workbench.nets.propagation import Edges
from workbench.nets.rows.autoencoder import RowAutoencoder, SphereAutoencoder
from workbench.nets.rows.bags import Bag
from workbench.nets.rows.prototypes import divided, log_shares, mixture, signed_attention

Side = RowAutoencoder | SphereAutoencoder


class Noise(Protocol):
    """The random numbers of a step, by name."""

    def gaussian(self, name: str, shape: tuple[int, int], device: torch.device) -> Tensor:
        """Standard Gaussian."""

    def gumbel(self, name: str, shape: tuple[int, int], device: torch.device) -> Tensor:
        """Standard Gumbel."""


class Output(NamedTuple):
    """Logits of items (B, I+1) and words (B, F+1); divergences of the sides; their views a and b (B, K, Z)."""

    items: Tensor
    words: Tensor | None
    divergence: list[Tensor]
    views: list[Tensor]


class Interests(nn.Module):
    """Bags of items, and of their words, to logits of both. prototypes: (K, Z), None for one. edges: A."""

    def __init__(self, items: Side, words: Side | None, prototypes: Tensor | None, edges: Edges | None, tau: float):
        super().__init__()
        self.items, self.words, self.edges, self.tau = items, words, edges, tau
        self.prototypes = None if prototypes is None else nn.Parameter(prototypes)

    def log_shares(self, side: Side, noise: Noise | None = None, name: str = "") -> Tensor:
        """(N+1, K) log c of the items or words of a side."""
        e = side.item.weight
        if self.prototypes is None:
            return e.new_zeros(len(e), 1)
        gumbel = noise.gumbel(f"shares of {name}", (len(e), len(self.prototypes)), e.device) if noise else None
        return log_shares(e, self.prototypes, self.tau, gumbel)

    def infer(
        self, side: Side, bag: Bag, noise: Noise | None, name: str, table: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """log c (N+1, K), latents (K B, Z) in the order of `divided`, and their divergence summed over prototypes (B,).
        table: in place of the encoder's own."""
        log_c = self.log_shares(side, noise, name)
        K = log_c.shape[1]
        bag = bag if K == 1 else divided(bag, log_c.exp())
        shape = len(bag.offsets) - 1, side.encoder.latent
        eps = noise.gaussian(f"latents of {name}", shape, bag.weights.device) if noise else None
        z, divergence = side.latents(bag, eps, table)
        return log_c, z, divergence.unflatten(0, (K, -1)).sum(0)

    def forward(self, items: Bag, words: Bag | None, noise: Noise | None = None) -> Output:
        """noise: of a step of training; None serves the means."""
        table = None
        if self.edges is not None:  # of a linear layer: to smooth the rows that it reads is to smooth its table
            table = self.items.encoder.table.weight
            table = (table + self.edges(self.edges(table))) / 2
        log_c, z, divergence = self.infer(self.items, items, noise, "items", table)
        if self.words is None:
            return Output(mixture(self.items.logits(z), log_c), None, [divergence], [])
        log_v, v, of_words = self.infer(self.words, words, noise, "words")
        K = log_c.shape[1]
        z, v = (x.unflatten(0, (K, -1)).transpose(0, 1) for x in (z, v))  # (B, K, Z)
        views = [signed_attention(v, z) @ z, signed_attention(z, v) @ v]
        u = sum(views).transpose(0, 1).flatten(0, 1)
        logits = [mixture(side.logits(u), log) for side, log in ((self.items, log_c), (self.words, log_v))]
        return Output(*logits, [divergence, of_words], views)
