"""What LETTER adds to the loss of an RQ-VAE (arXiv 2405.07314): collaborative alignment and spread of the codewords."""
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.errors import UserError
from workbench.tokens.balanced_kmeans import balanced_lloyd
from workbench.tokens.residual_quantiser import Quantised
from workbench.train.rng import derive_seed

GROUPS, REGROUP_EVERY, ITERATIONS = 10, 50, 3  # clusters of the codewords of a level; steps; of balanced k-means


class CodeAlignment:
    """A regulariser of `RQVAE`: alignment times L_CF plus spread times L_Div.

    vectors: (n, width) collaborative vectors of the fitted rows, as wide as the latent. alignment, spread: weights; 0
    leaves a term out. UserError for vectors that are not finite, or weights below 0.
    """

    def __init__(self, vectors: np.ndarray, *, alignment: float, spread: float, seed: int):
        self.vectors = torch.from_numpy(np.ascontiguousarray(vectors, np.float32))
        if self.vectors.ndim != 2 or not self.vectors.isfinite().all():
            raise UserError(f"collaborative vectors of shape {vectors.shape}; expected finite rows, one for each item")
        if not alignment >= 0 <= spread:
            raise UserError(f"alignment={alignment} and spread={spread} are weights of losses; give 0 or more")
        self.alignment, self.spread, self.seed = alignment, spread, seed
        self.generator = torch.Generator().manual_seed(derive_seed(seed, "letter", "positives"))
        self.groups = torch.empty(0)

    def __call__(self, index: Tensor, found: Quantised, tables: Tensor, step: int) -> Tensor:
        loss = tables.new_zeros(())
        if self.alignment:
            loss = loss + self.alignment * collaborative_loss(found.quantised, self.vectors[index])
        if self.spread:
            if step % REGROUP_EVERY == 0:
                self.groups = codeword_groups(tables.detach(), self.seed)
            loss = loss + self.spread * spread_loss(found.codes, tables, self.groups, self.generator)
        return loss


def collaborative_loss(quantised: Tensor, vectors: Tensor) -> Tensor:
    """L_CF (eq. 5): in-batch InfoNCE, -log softmax over the batch of <z_i, h_j> at j = i, of quantised latents z (n, D)
    and collaborative vectors h (n, D)."""
    return F.cross_entropy(quantised @ vectors.T, torch.arange(len(vectors), device=vectors.device))


def spread_loss(codes: Tensor, tables: Tensor, groups: Tensor, generator: torch.Generator) -> Tensor:
    """L_Div (eq. 6), a mean over levels: codewords of one group attract each other against all others of their level.

    codes: (n, L). tables: (L, K, D). groups: (L, K) of each codeword. The positive of a code is another codeword of its
    group, drawn by `generator`; a codeword that is alone in its group has none and is left out. The codeword itself is
    no candidate.
    """
    losses, itself = [], torch.eye(tables.shape[1], dtype=torch.bool, device=tables.device)
    for level, table in enumerate(tables):
        own, positive = drawn_peers(codes[:, level], groups[level], generator)
        scores = (table @ table.T).masked_fill(itself, -torch.inf).log_softmax(1)  # of each codeword, for all its rows
        losses.append(-scores[own, positive].mean() if len(own) else table.sum() * 0)
    return torch.stack(losses).mean()


def drawn_peers(codes: Tensor, groups: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Those of the codes (n,) whose group holds another codeword, and such a one for each, all as likely. groups: (K,)
    """
    together = groups.argsort(stable=True)  # the codewords, group by group
    sizes = groups.bincount()
    starts = sizes.cumsum(0) - sizes
    codes = codes[sizes[groups[codes]] > 1]
    of = groups[codes]
    ahead = 1 + (torch.rand(len(codes), generator=generator).to(sizes.device) * (sizes[of] - 1)).long()
    place = together.argsort()[codes] - starts[of]
    return codes, together[starts[of] + (place + ahead) % sizes[of]]


def codeword_groups(tables: Tensor, seed: int) -> Tensor:
    """(L, K) groups of like size of the codewords of each level, by balanced k-means; at most GROUPS, at least two
    codewords in each."""
    size = tables.shape[1]
    n_groups = max(1, min(GROUPS, size // 2))
    if n_groups == 1:
        return torch.zeros(tables.shape[:2], dtype=torch.int64)
    capacity = math.ceil(size / n_groups)
    return torch.stack([balanced_lloyd(table, n_groups, capacity, ITERATIONS, derive_seed(seed, "letter", level))[2]
                        for level, table in enumerate(tables)])  # fmt: skip
