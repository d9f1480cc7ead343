"""Two views of the same items in one latent: two autoencoders that also reconstruct each other's view (TTDS, arXiv
2409.09253, after its abstract).

z_a = E_a(x_a) for the views a; minimised is the sum over all pairs (a, b) of |D_b(z_a) - x_b|^2, of which the pairs
with a = b reconstruct and the others cross-reconstruct, and |z_1 - z_2|^2, each a mean over dimensions.
"""
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from workbench.errors import UserError
from workbench.tokens.autoencoder import fit_scaling, in_chunks, mlp, steps_for, train
from workbench.train.rng import seeded_torch


class TwoViews:
    """fit(first, second) on vectors (n, D_1) and (n, D_2) of the same n items; then `latents`, (n, width) float32 of
    each view, and `reconstruct`.

    cross: whether the views reconstruct each other and their latents are drawn together; without, they are two plain
    autoencoders. hidden: widths of the encoders' hidden layers. steps, rate: of AdamW with a cosine schedule.
    """

    def __init__(
        self, *, width: int = 32, hidden: tuple[int, ...] = (256,), cross: bool = True, steps: int = 800,
        rate: float = 4e-3, seed: int = 0,
    ):  # fmt: skip
        if min(width, steps, *hidden) < 1 or not rate > 0:
            raise UserError(f"two views need widths and steps of at least 1 and a rate > 0, not {width=}, {hidden=}, "
                            f"{steps=}, {rate=}")  # fmt: skip
        self.width, self.hidden, self.cross = width, hidden, cross
        self.steps, self.rate, self.seed = steps, rate, seed
        self.latents: list[np.ndarray] = []

    def fit(self, first: np.ndarray, second: np.ndarray) -> "TwoViews":
        """Train on both views. UserError for NaN, infinite or constant vectors, or another number of rows."""
        if len(first) != len(second):
            raise UserError(f"{len(first)} vectors of the first view, {len(second)} of the second: give one an item")
        scaled = [fit_scaling(view, False) for view in (first, second)]
        self.scalings, rows = [each[0] for each in scaled], [each[1] for each in scaled]
        with seeded_torch(self.seed, "two views", "weights"):
            self.encoders = [mlp(x.shape[1], *self.hidden, self.width) for x in rows]
            self.decoders = [mlp(self.width, *self.hidden[::-1], x.shape[1]) for x in rows]

        def loss_of(index: Tensor, step: int) -> Tensor:
            views = [x[index] for x in rows]
            z = [encoder(x) for encoder, x in zip(self.encoders, views)]
            pairs = [(a, b) for a in (0, 1) for b in (0, 1) if self.cross or a == b]
            loss = sum(mse_loss(self.decoders[b](z[a]), views[b]) for a, b in pairs)
            return loss + mse_loss(*z) if self.cross else loss

        trained = [p for part in (*self.encoders, *self.decoders) for p in part.parameters()]
        train(trained, len(first), loss_of, steps=steps_for(len(first), self.steps), rate=self.rate, seed=self.seed,
              label="two views")  # fmt: skip
        self.latents = [in_chunks(encoder, x).numpy() for encoder, x in zip(self.encoders, rows)]
        return self

    def reconstruct(self, source: int, target: int) -> np.ndarray:
        """(n, D) the fitted items' vectors of view `target` from those of view `source`; views are 0 and 1."""
        latent = torch.from_numpy(self.latents[source])
        return self.scalings[target].from_network(in_chunks(self.decoders[target], latent))
