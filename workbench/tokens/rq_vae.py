"""RQ-VAE: residual quantisation of the latent of an autoencoder (Zeghidour et al. 2021; TIGER, arXiv 2305.05065).

z = E(x), r_1 = z, c_l = argmin_k ||r_l - e_lk||^2, r_{l+1} = r_l - e_{l,c_l}, x' = D(sum_l e_{l,c_l}), trained to
minimise ||x - x'||^2 + sum_l (||sg[r_l] - e||^2 + beta ||r_l - sg[e]||^2), each a mean over its dimensions, with a
straight-through gradient from x' to z.
"""
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from workbench.errors import UserError
from workbench.tokens.autoencoder import BATCH, fit_scaling, in_chunks, mlp, steps_for, train
from workbench.tokens.code_usage import code_usage, unexplained_variance, warn_of_unused_codes
from workbench.tokens.residual_quantiser import Quantised, quantise, squared_distances
from workbench.tokens.rq_kmeans import SAMPLE_PER_CODE, lloyd, nearest_centroid
from workbench.train.rng import derive_seed, seeded_torch

KMEANS_ITERATIONS = 10
USAGE_MOMENTUM = 0.95  # of the moving average of each code's share of a batch
RESTART_EVERY, RESTART_UNTIL = 20, 0.7  # steps; share of the training after which codes are left alone
DEAD = 0.1  # a code whose share is below this multiple of 1/K is restarted


Regulariser = Callable[[Tensor, Quantised, Tensor, int], Tensor]


class RQVAE:
    """A tokenizer: fit(vectors), then encode(vectors) for the same or new items.

    levels, size: L levels of K codes. normalize: rows are L2-normalised first. width: of the latent; hidden: widths of
    the encoder's hidden layers, in reverse those of the decoder. beta: weight of the commitment loss. restart: dead
    codes move to random residuals of a batch. steps, rate: of the training, AdamW with a cosine schedule; a small
    catalogue takes fewer steps (`autoencoder.steps_for`).
    After fit, codebooks: (L, K, width) float32; unexplained_variance: per level, the share of the variance of `vectors`
    that the decoder leaves when given the codewords up to it; used, perplexity: of the codes, per level; epochs.
    """

    def __init__(
        self, *, levels: int = 3, size: int = 256, normalize: bool = False, width: int = 32,
        hidden: tuple[int, ...] = (256,), beta: float = 0.25, restart: bool = True, steps: int = 800,
        rate: float = 8e-3, seed: int = 0,
    ):  # fmt: skip
        numbers = (levels, width, steps, *hidden)
        if not all(type(x) is int for x in (*numbers, size)) or min(numbers) < 1 or size < 2 or not beta >= 0 < rate:
            raise UserError(
                f"RQ-VAE needs at least 1 level, 2 codes per level, 1 dimension, 1 step, beta >= 0 and a rate > 0, not "
                f"{levels=}, {size=}, {width=}, {hidden=}, {steps=}, {beta=}, {rate=}"
            )
        self.levels, self.size, self.normalize, self.width, self.hidden = levels, size, normalize, width, hidden
        self.beta, self.restart, self.steps, self.rate, self.seed = beta, restart, steps, rate, seed
        self.codebooks, self.unexplained_variance, self.epochs = torch.empty(0), [], 0.0
        self.used, self.perplexity = [], []

    def fit(self, vectors: np.ndarray, regulariser: Regulariser | None = None) -> "RQVAE":
        """Train on vectors (n, D). UserError for NaN, infinite or constant vectors.

        regulariser: of (index of the rows of a batch, its Quantised, codebooks, step), a scalar added to the loss.
        Equal rows get equal codes. A warning says where a level uses less than a tenth of its codes. The result is
        determined by the vectors and the seed.
        """
        self.scaling, rows = fit_scaling(vectors, self.normalize)
        with seeded_torch(self.seed, "rq-vae", "weights"):
            self.encoder = mlp(rows.shape[1], *self.hidden, self.width)
            self.decoder = mlp(self.width, *self.hidden[::-1], rows.shape[1])
        generator = torch.Generator().manual_seed(derive_seed(self.seed, "rq-vae", "restarts"))
        first = torch.randperm(len(rows), generator=generator)[: max(BATCH, SAMPLE_PER_CODE * self.size)]
        tables = nn.Parameter(self._first_codebooks(in_chunks(self.encoder, rows[first])))
        share = torch.full((self.levels, self.size), 1 / self.size)

        steps = steps_for(len(rows), self.steps)

        def loss_of(index: Tensor, step: int) -> Tensor:
            x = rows[index]
            found = quantise(self.encoder(x), tables)
            share.lerp_(found.weights.mean(0), 1 - USAGE_MOMENTUM)
            if self.restart and step % RESTART_EVERY == RESTART_EVERY - 1 and step < RESTART_UNTIL * steps:
                restart_dead_codes(tables.data, share, found.residuals.detach(), generator)
            codebook = mse_loss(found.codewords, found.residuals.detach())
            commitment = mse_loss(found.residuals, found.codewords.detach())
            loss = mse_loss(self.decoder(found.quantised), x) + self.levels * (codebook + self.beta * commitment)
            return loss if regulariser is None else loss + regulariser(index, found, tables, step)

        trained = [*self.encoder.parameters(), *self.decoder.parameters(), tables]
        self.epochs = train(trained, len(rows), loss_of, steps=steps, rate=self.rate, seed=self.seed,
                            label="rq-vae")  # fmt: skip
        self.codebooks = tables.detach()
        codes, target = self.encode(vectors), self.scaling.from_network(rows)
        partial = [self.decode(codes[:, :upto]) for upto in range(1, self.levels + 1)]
        self.unexplained_variance = unexplained_variance(target, partial)
        self.used, self.perplexity = code_usage(codes, (self.size,) * self.levels).values()
        warn_of_unused_codes("rq-vae", self.used, (self.size,) * self.levels)
        return self

    def encode(self, vectors: np.ndarray) -> np.ndarray:
        """(n, L) int32 codes of vectors (n, D), also of new items. UserError before fit, for NaN, or another D."""
        return self.residuals(vectors)[0]

    def residuals(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Codes (n, L), and the latent residuals (n, width) that enter the last level."""
        if not len(self.codebooks):
            raise UserError("this RQ-VAE has not been fitted; call fit(vectors) first")
        codes, last = [], in_chunks(self.encoder, self.scaling.to_network(vectors))
        for level, table in enumerate(self.codebooks):
            last = last - self.codebooks[level - 1][codes[-1]] if level else last
            codes.append(nearest_centroid(last, table))
        return torch.stack(codes, 1).numpy().astype(np.int32), last.numpy()

    def distances(self, last: np.ndarray) -> np.ndarray:
        """(n, K) squared distances of last residuals (n, width) to the last level's codes."""
        return squared_distances(torch.from_numpy(last), self.codebooks[-1]).numpy()

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """(n, D) float32 reconstruction from codes (n, L), or from those of the first levels alone."""
        at = torch.from_numpy(codes.astype(np.int64))
        latent = torch.stack([self.codebooks[level][at[:, level]] for level in range(at.shape[1])]).sum(0)
        return self.scaling.from_network(in_chunks(self.decoder, latent))

    def _first_codebooks(self, latent: Tensor) -> Tensor:
        """(L, K, width): k-means on the latent (n, width) of a first batch, level by level on its residuals."""
        tables = []
        for level in range(self.levels):
            seed = derive_seed(self.seed, "rq-vae", "codebook", level)
            table, assigned = lloyd(latent, self.size, KMEANS_ITERATIONS, seed)
            tables.append(table)
            latent = latent - table[assigned]
        return torch.stack(tables)


def restart_dead_codes(tables: Tensor, share: Tensor, residuals: Tensor, generator: torch.Generator) -> int:
    """Move the codes that are hardly used to random residuals of their level, in place; returns how many.

    tables: (L, K, D). share: (L, K), moving average of each code's share of the rows, which restarts at 1/K.
    residuals: (n, L, D), those of a batch that enter each level.
    """
    size, n_restarted = tables.shape[1], 0
    for level in range(len(tables)):
        dead = (share[level] < DEAD / size).nonzero()[:, 0]
        picks = torch.randint(len(residuals), (len(dead),), generator=generator)
        tables[level, dead], share[level, dead] = residuals[picks, level], 1 / size
        n_restarted += len(dead)
    return n_restarted
