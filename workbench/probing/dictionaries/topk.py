"""Training steps of TopK and BatchTopK sparse autoencoders with hand-written gradients.

One dense product computes the pre-activations; everything after it touches only the active latents. The two kinds share
one step and differ in the threshold: the k-th largest value of each row, or the (B k)-th largest of the batch.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


class Workspace:
    """Buffers that are reused between steps: allocating (B, m) fresh memory takes as long as the arithmetic on it."""

    def __init__(self):
        self.arrays: dict[str, np.ndarray] = {}

    def get(self, name: str, B: int, m: int, dtype: type = np.float32) -> np.ndarray:
        """A (B, m) array with arbitrary content."""
        array = self.arrays.get(name)
        if array is None or len(array) < B or array.shape[1] != m:
            array = self.arrays[name] = np.empty((B, m), dtype)
        return array[:B]


class SparseLatents:
    """The active latents of a batch: row, latent (n,) int64, sorted by row; value (n,)."""

    def __init__(self, u: Tensor, threshold: Tensor, workspace: Workspace | None = None):
        """u: (B, m) pre-activations; those above threshold (B, 1) or () and above 0 are active."""
        workspace = workspace or Workspace()
        out = workspace.get("above", *u.shape, dtype=bool)
        above = np.greater(u.numpy(), threshold.clamp_min(0).numpy(), out=out)
        self.index = torch.from_numpy(np.flatnonzero(above))
        self.row, self.latent = self.index // u.shape[1], self.index % u.shape[1]
        self.value = u.view(-1)[self.index]
        self.row_start = torch.searchsorted(self.row, torch.arange(len(u)))
        # a stable sort of 16-bit integers is a radix sort, many times faster than one of 64-bit integers
        narrow = np.uint16 if u.shape[1] <= 65_536 else np.uint32
        self.order = torch.from_numpy(np.argsort(self.latent.numpy().astype(narrow), kind="stable"))
        self.latent_start = torch.searchsorted(self.latent[self.order], torch.arange(u.shape[1]))

    def decode(self, decoder: Tensor) -> Tensor:
        """(B, D): the sum of each row's latents times their directions (m, D)."""
        return F.embedding_bag(self.latent, decoder, self.row_start, per_sample_weights=self.value, mode="sum")

    def sum_by_latent(self, weight: Tensor, rows: Tensor) -> Tensor:
        """(m, D): for each latent, the sum over the rows (B, D) where it is active of the weight (n,) times the row."""
        order = self.order
        return F.embedding_bag(
            self.row[order], rows, self.latent_start, per_sample_weights=weight[order], mode="sum"
        )


def row_threshold(u: Tensor, k: int, workspace: Workspace | None = None) -> Tensor:
    """(B, 1): just below the k-th largest value of each row. Ties at the threshold are all kept."""
    B, m = u.shape
    if k >= m:
        return torch.zeros(B, 1)
    values = (workspace or Workspace()).get("partition", B, m)
    np.copyto(values, u.numpy())
    values.partition(m - k, axis=1)
    return torch.from_numpy(np.nextafter(values[:, m - k, None], np.float32(-np.inf)))


def batch_threshold(u: Tensor, k: int, workspace: Workspace | None = None) -> Tensor:
    """(): just below the (B k)-th largest value of the batch."""
    count = u.numel() - k * len(u)
    if count <= 0:
        return torch.zeros(())
    values = (workspace or Workspace()).get("partition", *u.shape)
    np.copyto(values, u.numpy())
    flat = values.reshape(-1)  # a view: the rows of a buffer are contiguous
    flat.partition(count)
    return torch.tensor(np.nextafter(flat[count], np.float32(-np.inf)))


THRESHOLDS = {"topk": row_threshold, "batchtopk": batch_threshold}


def subtract_skip(x: Tensor, y: Tensor, p: dict[str, Tensor]) -> Tensor:
    """y (B, E) minus the linear skip S x if the parameters have one, S (E, D): the target of the latents."""
    return y - x @ p["S"].T if "S" in p else y


class SparseStep:
    """The loss of one batch and its gradients, which are stored in the parameters' `grad`.

    Loss: ||y - y^||^2 over `variance` (per row, about the mean of the data, so the loss is FVU), plus auxk times the
    same for dead latents that predict the residual: ReLU'd, decoded without bias, with a detached target (Gao et al.,
    arXiv:2406.04093, with the residual y - y^ and not its negative). y is x itself, except for a transcoder.
    """

    def __init__(
        self, kind: str, k: int, variance: float, *, auxk: float = 1 / 32, aux_latents: int = 32,
        workspace: Workspace | None = None,
    ):  # fmt: skip
        self.threshold, self.k, self.variance = THRESHOLDS[kind], k, variance
        self.auxk, self.aux_latents, self.workspace = auxk, aux_latents, workspace or Workspace()

    def __call__(self, x: Tensor, y: Tensor, p: dict[str, Tensor], dead: Tensor) -> tuple[float, Tensor, float]:
        """x (B, D) is encoded, y (B, E) is the target; p: encoder W (m, D), b (m,), decoder D (m, E), c (E,), and
        optionally a skip S (E, D); dead (m,) bool. Returns the loss without the auxiliary term, the index of every
        active latent, with repetitions, and the smallest active value."""
        W, b, D, c = (p[name] for name in "WbDc")
        u = torch.addmm(b, x, W.T, out=self._buffer("u", len(x), len(W)))
        z = SparseLatents(u, self.threshold(u, self.k, self.workspace), self.workspace)
        error = z.decode(D).add_(c).sub_(subtract_skip(x, y, p))
        scale = 2 / (len(x) * self.variance)
        self._backward(z, error * scale, x, W, b, D)
        c.grad = (error * scale).sum(0)
        if "S" in p:
            p["S"].grad = (error * scale).T @ x
        count = min(self.aux_latents, int(dead.sum()))
        if self.auxk and count:
            self._auxiliary(u[:, dead], count, -error, x, W, b, D, dead)
        smallest = float(z.value.min()) if len(z.value) else 0.0
        return float(error.square().sum()) / (len(x) * self.variance), z.latent, smallest

    def _buffer(self, name: str, B: int, m: int) -> Tensor:
        return torch.from_numpy(self.workspace.get(name, B, m))

    def _backward(self, z: SparseLatents, g: Tensor, x: Tensor, W: Tensor, b: Tensor, D: Tensor) -> None:
        """Gradients of W, b and D from the gradient g (B, D) of the reconstruction."""
        gz = torch.mm(g, D.T, out=self._buffer("g", len(x), len(D))).view(-1)[z.index]
        D.grad, W.grad = z.sum_by_latent(z.value, g), z.sum_by_latent(gz, x)
        b.grad = torch.zeros_like(b).index_add_(0, z.latent, gz)

    def _auxiliary(self, u: Tensor, count: int, residual: Tensor, x: Tensor, W, b, D, dead: Tensor) -> None:
        """Add the gradients of the auxiliary loss, in which the `count` largest of the dead latents' pre-activations u
        (B, n) predict the residual (B, D)."""
        z = SparseLatents(u, row_threshold(u, count))
        if not len(z.value):
            return
        directions = D[dead]
        error = z.decode(directions) - residual
        g = error * (2 * self.auxk / residual.square().sum().clamp_min(1e-12))
        gz = (g @ directions.T).view(-1)[z.index]
        D.grad[dead] += z.sum_by_latent(z.value, g)
        W.grad[dead] += z.sum_by_latent(gz, x)
        b.grad[dead] += torch.zeros(u.shape[1]).index_add_(0, z.latent, gz)
