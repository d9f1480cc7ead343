"""FSQ: finite scalar quantisation of the latent of an autoencoder (Mentzer et al. 2023; RecGPT, arXiv 2506.06270).

z = E(x); a dimension of M values is bounded, tanh(z + shift) h - offset with h = (M-1)/2 and offset 1/2 for even M, and
rounded with a straight-through gradient. The rounded digits of a few dimensions make one code, a number in mixed radix.
There are no codewords to learn, so none can die; x' = D(digits) is trained to minimise ||x - x'||^2.
"""
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from workbench.errors import UserError
from workbench.tokens.autoencoder import fit_scaling, in_chunks, mlp, steps_for, train
from workbench.tokens.code_usage import code_usage, unexplained_variance, warn_of_unused_codes
from workbench.train.rng import seeded_torch

MARGIN = 1e-3  # beyond the outermost values, so that tanh need not saturate to reach them


class FSQ:
    """A tokenizer: fit(vectors), then encode(vectors) for the same or new items.

    levels, size: L codes of at most K values each; `digits` has the values of the dimensions that make up a code, and
    `sizes` (L,) their product, at most K. Codes are parallel: none depends on another. normalize: rows are
    L2-normalised first. hidden: widths of the encoder's hidden layers, in reverse those of the decoder. steps, rate:
    of the training, AdamW with a cosine schedule. unexplained_variance: per level, the share of the variance of
    `vectors` that the decoder leaves when given the codes up to it, the others at their mean; used, perplexity: of the
    codes, per level; epochs.
    """

    def __init__(
        self, *, levels: int = 3, size: int = 256, normalize: bool = False, hidden: tuple[int, ...] = (256,),
        steps: int = 800, rate: float = 4e-3, seed: int = 0,
    ):  # fmt: skip
        numbers = (levels, steps, *hidden)
        if not all(type(x) is int for x in (*numbers, size)) or min(numbers) < 1 or size < 2 or not rate > 0:
            raise UserError(f"FSQ needs at least 1 level, 2 codes per level, 1 step and a rate > 0, not {levels=}, "
                            f"{size=}, {hidden=}, {steps=}, {rate=}")  # fmt: skip
        self.levels, self.normalize, self.hidden = levels, normalize, hidden
        self.steps, self.rate, self.seed = steps, rate, seed
        self.digits = digit_values(size)
        self.sizes = (math.prod(self.digits),) * levels
        self.values = torch.tensor(self.digits * levels)  # of every dimension
        self.fitted, self.unexplained_variance, self.epochs = False, [], 0.0
        self.used, self.perplexity = [], []

    def fit(self, vectors: np.ndarray) -> "FSQ":
        """Train on vectors (n, D). UserError for NaN, infinite or constant vectors.

        Equal rows get equal codes. The result is determined by the vectors and the seed.
        """
        self.scaling, rows = fit_scaling(vectors, self.normalize)
        with seeded_torch(self.seed, "fsq", "weights"):
            self.encoder = mlp(rows.shape[1], *self.hidden, len(self.values))
            self.decoder = mlp(len(self.values), *self.hidden[::-1], rows.shape[1])

        def loss_of(index: Tensor, step: int) -> Tensor:
            x = rows[index]
            return mse_loss(self.decoder(unit_digits(round_bounded(self.encoder(x), self.values), self.values)), x)

        trained = [*self.encoder.parameters(), *self.decoder.parameters()]
        steps = steps_for(len(rows), self.steps)
        self.epochs = train(trained, len(rows), loss_of, steps=steps, rate=self.rate, seed=self.seed, label="fsq")
        self.fitted = True
        latent = self._latent(rows)
        codes, mean = self._codes(latent), latent.mean(0, keepdim=True)
        partial = []
        for upto in range(len(self.digits), len(self.values) + 1, len(self.digits)):
            known = torch.cat([latent[:, :upto], mean[:, upto:].expand(len(latent), -1)], 1)
            partial.append(self.scaling.from_network(in_chunks(self.decoder, known)))
        self.unexplained_variance = unexplained_variance(self.scaling.from_network(rows), partial)
        self.used, self.perplexity = code_usage(codes, self.sizes).values()
        warn_of_unused_codes("fsq", self.used, self.sizes)
        return self

    def encode(self, vectors: np.ndarray) -> np.ndarray:
        """(n, L) int32 codes of vectors (n, D), also of new items. UserError before fit, for NaN, or another D."""
        if not self.fitted:
            raise UserError("this FSQ has not been fitted; call fit(vectors) first")
        return self._codes(self._latent(self.scaling.to_network(vectors)))

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """(n, D) float32 reconstruction from codes (n, L)."""
        digits = np.stack(np.unravel_index(codes, self.digits), 2).reshape(len(codes), -1)
        digits = torch.from_numpy(digits) - self.values // 2
        return self.scaling.from_network(in_chunks(self.decoder, unit_digits(digits, self.values)))

    def _latent(self, rows: Tensor) -> Tensor:
        """(n, d) digits of scaled rows, in units of their ranges, as the decoder reads them."""
        return in_chunks(lambda x: unit_digits(round_bounded(self.encoder(x), self.values), self.values), rows)

    def _codes(self, latent: Tensor) -> np.ndarray:
        digits = (latent * half_ranges(self.values)).round().long() + self.values // 2
        grouped = digits.reshape(len(digits), self.levels, len(self.digits)).numpy()
        return np.ravel_multi_index(tuple(np.moveaxis(grouped, 2, 0)), self.digits).astype(np.int32)


def digit_values(size: int) -> tuple[int, ...]:
    """How many values each dimension of a code has: five or more where possible (Mentzer et al.), as many dimensions as
    that allows, and a product near `size` and not above it.

    >>> digit_values(256), digit_values(64), digit_values(8), digit_values(15360)
    ((7, 6, 6), (8, 8), (8,), (7, 7, 7, 7, 6))
    """
    n = max(1, int(math.log(size) / math.log(5) + 1e-9))
    values = [int(size ** (1 / n) + 1e-9)] * n
    for at in range(n):
        if math.prod(values) // values[at] * (values[at] + 1) <= size:
            values[at] += 1
    return tuple(values)


def half_ranges(values: Tensor) -> Tensor:
    """(d,) the largest absolute digit of dimensions with so many values, at least 1."""
    return (values // 2).clamp_min(1).float()


def round_bounded(latent: Tensor, values: Tensor | Sequence[int]) -> Tensor:
    """Digits of a latent (n, d), whole numbers from -(M // 2) to (M - 1) // 2 for each dimension of M values, with the
    gradient of the bounded latent.

    >>> round_bounded(torch.tensor([[-9.0, -9.0], [0.0, 0.0], [9.0, 9.0]]), torch.tensor([5, 4])).tolist()
    [[-2.0, -2.0], [0.0, 0.0], [2.0, 1.0]]
    """
    values = torch.as_tensor(values)
    half = (values - 1) * (1 + MARGIN) / 2
    offset = (values % 2 == 0) / 2
    bounded = torch.tanh(latent + torch.atanh(offset / half)) * half - offset
    digits = torch.minimum(torch.maximum(bounded.round(), -(values // 2)), (values - 1) // 2)
    return bounded + (digits - bounded).detach()


def unit_digits(digits: Tensor, values: Tensor) -> Tensor:
    """Digits (n, d) in units of their half ranges, so in [-1, 1]."""
    return digits / half_ranges(values)
