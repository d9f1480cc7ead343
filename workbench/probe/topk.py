"""Training steps of TopK and BatchTopK autoencoders with gradients by hand.

One dense product finds the pre-activations; all that follows touches only the latents that are kept. Both forms are one
step with two thresholds: what a row's k-th largest is, or the batch's (B k)-th.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


class Kept:
    """The latents that a batch keeps, by row: row, latent (n,) int64, sorted by row; value (n,)."""

    def __init__(self, u: Tensor, threshold: Tensor):
        """u: (B, m) pre-activations; those above threshold (B, 1) or () and above 0 are kept."""
        at = (u > threshold.clamp_min(0)).nonzero()
        self.shape = u.shape
        self.row, self.latent = at[:, 0].contiguous(), at[:, 1].contiguous()
        self.value = u[self.row, self.latent]
        self.row_start = torch.searchsorted(self.row, torch.arange(len(u)))
        # a stable sort of 16-bit numbers is a radix sort, many times faster than one of 64-bit numbers
        narrow = np.uint16 if u.shape[1] <= 65_536 else np.uint32
        self.order = torch.from_numpy(np.argsort(self.latent.numpy().astype(narrow), kind="stable"))
        self.latent_start = torch.searchsorted(self.latent[self.order], torch.arange(u.shape[1]))

    def decode(self, decoder: Tensor) -> Tensor:
        """(B, D): each row's latents times their directions (m, D), summed."""
        return F.embedding_bag(self.latent, decoder, self.row_start, per_sample_weights=self.value, mode="sum")

    def by_latent(self, weight: Tensor, rows: Tensor) -> Tensor:
        """(m, D): over the places where a latent is kept, the sum of weight (n,) times the row (B, D) there."""
        taken = self.order
        return F.embedding_bag(
            self.row[taken], rows, self.latent_start, per_sample_weights=weight[taken], mode="sum"
        )


def row_threshold(u: Tensor, k: int) -> Tensor:
    """(B, 1): just below each row's k-th largest. Ties at the border are all kept."""
    m = u.shape[1]
    if k >= m:
        return torch.zeros(len(u), 1)
    kth = np.partition(u.numpy(), m - k, axis=1)[:, m - k, None]
    return torch.from_numpy(np.nextafter(kth, np.float32(-np.inf)))


def batch_threshold(u: Tensor, k: int) -> Tensor:
    """(): just below the (B k)-th largest of all."""
    count = u.numel() - k * len(u)
    if count <= 0:
        return torch.zeros(())
    kth = np.partition(u.numpy().ravel(), count)[count]
    return torch.tensor(np.nextafter(kth, np.float32(-np.inf)))


THRESHOLDS = {"topk": row_threshold, "batchtopk": batch_threshold}


class SparseStep:
    """The loss of one batch and its gradients, left in the parameters' `grad`.

    Loss: ||x - x^||^2 over `variance` (what the mean leaves of the data, per row, so FVU), plus auxk times the same of
    dead latents that predict what is left over: ReLU'd, decoded without bias, its target held still (Gao et al.,
    arXiv:2406.04093, with the residual x - x^ and not its negative).
    """

    def __init__(self, form: str, k: int, variance: float, *, auxk: float = 1 / 32, aux_latents: int = 32):
        self.threshold, self.k, self.variance = THRESHOLDS[form], k, variance
        self.auxk, self.aux_latents = auxk, aux_latents

    def __call__(self, x: Tensor, p: dict[str, Tensor], dead: Tensor) -> tuple[float, Tensor, float]:
        """x (B, D); p: encoder W (m, D), b (m,), decoder D (m, D), c (D,); dead (m,) bool. Returns the loss without the
        auxiliary part, the latents that were kept, one a place, and the smallest value that was."""
        W, b, D, c = (p[name] for name in "WbDc")
        u = torch.addmm(b, x, W.T)
        kept = Kept(u, self.threshold(u, self.k))
        error = kept.decode(D).add_(c).sub_(x)
        scale = 2 / (len(x) * self.variance)
        self._backward(kept, error * scale, x, W, b, D)
        c.grad = (error * scale).sum(0)
        count = min(self.aux_latents, int(dead.sum()))
        if self.auxk and count:
            self._auxiliary(u[:, dead], count, -error, x, W, b, D, dead)
        smallest = float(kept.value.min()) if len(kept.value) else 0.0
        return float(error.square().sum()) / (len(x) * self.variance), kept.latent, smallest

    def _backward(self, kept: Kept, g: Tensor, x: Tensor, W: Tensor, b: Tensor, D: Tensor) -> None:
        """From the gradient g (B, D) of the reconstruction."""
        gv = (g @ D.T)[kept.row, kept.latent]
        D.grad, W.grad = kept.by_latent(kept.value, g), kept.by_latent(gv, x)
        b.grad = torch.zeros_like(b).index_add_(0, kept.latent, gv)

    def _auxiliary(self, u: Tensor, count: int, left: Tensor, x: Tensor, W, b, D, dead: Tensor) -> None:
        """The `count` largest of the dead latents' u (B, n) learn what is left over (B, D)."""
        kept = Kept(u, row_threshold(u, count))
        if not len(kept.value):
            return
        mine = D[dead]
        wrong = kept.decode(mine) - left
        g = wrong * (2 * self.auxk / left.square().sum().clamp_min(1e-12))
        gv = (g @ mine.T)[kept.row, kept.latent]
        D.grad[dead] += kept.by_latent(kept.value, g)
        W.grad[dead] += kept.by_latent(gv, x)
        b.grad[dead] += torch.zeros(u.shape[1]).index_add_(0, kept.latent, gv)
