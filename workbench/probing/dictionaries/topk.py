"""Training steps of TopK and BatchTopK autoencoders with gradients by hand.

One dense product finds the pre-activations; all that follows touches only the latents that are kept. Both forms are one
step with two thresholds: what a row's k-th largest is, or the batch's (B k)-th.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


class Room:
    """Memory that is used again: fresh pages for (B, m) numbers take the system as long as the arithmetic on them."""

    def __init__(self):
        self.arrays: dict[str, np.ndarray] = {}

    def of(self, name: str, B: int, m: int, kind: type = np.float32) -> np.ndarray:
        """(B, m) of no particular content."""
        whole = self.arrays.get(name)
        if whole is None or len(whole) < B or whole.shape[1] != m:
            whole = self.arrays[name] = np.empty((B, m), kind)
        return whole[:B]


class Kept:
    """The latents that a batch keeps, by row: row, latent (n,) int64, sorted by row; value (n,)."""

    def __init__(self, u: Tensor, threshold: Tensor, room: Room | None = None):
        """u: (B, m) pre-activations; those above threshold (B, 1) or () and above 0 are kept."""
        room = room or Room()
        above = np.greater(u.numpy(), threshold.clamp_min(0).numpy(), out=room.of("above", *u.shape, kind=bool))
        self.at = torch.from_numpy(np.flatnonzero(above))
        self.row, self.latent = self.at // u.shape[1], self.at % u.shape[1]
        self.value = u.view(-1)[self.at]
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


def row_threshold(u: Tensor, k: int, room: Room | None = None) -> Tensor:
    """(B, 1): just below each row's k-th largest. Ties at the border are all kept."""
    B, m = u.shape
    if k >= m:
        return torch.zeros(B, 1)
    sorting = (room or Room()).of("sorting", B, m)
    np.copyto(sorting, u.numpy())
    sorting.partition(m - k, axis=1)
    return torch.from_numpy(np.nextafter(sorting[:, m - k, None], np.float32(-np.inf)))


def batch_threshold(u: Tensor, k: int, room: Room | None = None) -> Tensor:
    """(): just below the (B k)-th largest of all."""
    count = u.numel() - k * len(u)
    if count <= 0:
        return torch.zeros(())
    sorting = (room or Room()).of("sorting", *u.shape)
    np.copyto(sorting, u.numpy())
    flat = sorting.reshape(-1)  # a view: rows of the room stand together
    flat.partition(count)
    return torch.tensor(np.nextafter(flat[count], np.float32(-np.inf)))


THRESHOLDS = {"topk": row_threshold, "batchtopk": batch_threshold}


def without_skip(x: Tensor, y: Tensor, p: dict[str, Tensor]) -> Tensor:
    """What is left for the latents to make of y (B, E), once a skip S (E, D) among the parameters has made S x."""
    return y - x @ p["S"].T if "S" in p else y


class SparseStep:
    """The loss of one batch and its gradients, left in the parameters' `grad`.

    Loss: ||y - y^||^2 over `variance` (what the mean leaves of the data, per row, so FVU), plus auxk times the same of
    dead latents that predict what is left over: ReLU'd, decoded without bias, its target held still (Gao et al.,
    arXiv:2406.04093, with the residual y - y^ and not its negative). y is x itself but for a transcoder.
    """

    def __init__(
        self, form: str, k: int, variance: float, *, auxk: float = 1 / 32, aux_latents: int = 32,
        room: Room | None = None,
    ):  # fmt: skip
        self.threshold, self.k, self.variance = THRESHOLDS[form], k, variance
        self.auxk, self.aux_latents, self.room = auxk, aux_latents, room or Room()

    def __call__(self, x: Tensor, y: Tensor, p: dict[str, Tensor], dead: Tensor) -> tuple[float, Tensor, float]:
        """x (B, D) is read, y (B, E) is to be made; p: encoder W (m, D), b (m,), decoder D (m, E), c (E,), and perhaps
        a skip S (E, D); dead (m,) bool. Returns the loss without the auxiliary part, the latents that were kept, one a
        place, and the smallest value that was."""
        W, b, D, c = (p[name] for name in "WbDc")
        u = torch.addmm(b, x, W.T, out=self._room("u", len(x), len(W)))
        kept = Kept(u, self.threshold(u, self.k, self.room), self.room)
        error = kept.decode(D).add_(c).sub_(without_skip(x, y, p))
        scale = 2 / (len(x) * self.variance)
        self._backward(kept, error * scale, x, W, b, D)
        c.grad = (error * scale).sum(0)
        if "S" in p:
            p["S"].grad = (error * scale).T @ x
        count = min(self.aux_latents, int(dead.sum()))
        if self.auxk and count:
            self._auxiliary(u[:, dead], count, -error, x, W, b, D, dead)
        smallest = float(kept.value.min()) if len(kept.value) else 0.0
        return float(error.square().sum()) / (len(x) * self.variance), kept.latent, smallest

    def _room(self, name: str, B: int, m: int) -> Tensor:
        return torch.from_numpy(self.room.of(name, B, m))

    def _backward(self, kept: Kept, g: Tensor, x: Tensor, W: Tensor, b: Tensor, D: Tensor) -> None:
        """From the gradient g (B, D) of the reconstruction."""
        gv = torch.mm(g, D.T, out=self._room("g", len(x), len(D))).view(-1)[kept.at]
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
        gv = (g @ mine.T).view(-1)[kept.at]
        D.grad[dead] += kept.by_latent(kept.value, g)
        W.grad[dead] += kept.by_latent(gv, x)
        b.grad[dead] += torch.zeros(u.shape[1]).index_add_(0, kept.latent, gv)
