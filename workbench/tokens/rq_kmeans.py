"""RQ-KMeans: residual quantisation with k-means at every level (GRID, MiniOneRec).

Level l clusters the residuals of the previous one: r_1 = x, c_l = argmin_k ||r_l - e_lk||^2, r_{l+1} = r_l - e_{l,c_l}.
"""
import logging

import numpy as np
import torch
from torch import Tensor

from workbench.errors import UserError
from workbench.train.rng import derive_seed

log = logging.getLogger("workbench")
CANDIDATES = 8  # candidates for each initial centroid (greedy k-means++)
TOLERANCE = 3e-3  # Lloyd's iterations stop when at most this share of rows changes cluster
SAMPLE_PER_CODE = 16  # sampled rows per code from which the initial centroids are chosen
TINY, MIN_RELATIVE_SPREAD = 1e-9, 1e-3  # relative to the rows' mean square; to the mean's norm


class RQKMeans:
    """A tokenizer: fit(vectors), then encode(vectors) for the same or new items.

    levels, size: L levels of K codes. normalize: residuals are L2-normalised before each level (GRID), and their
    mean norms are stored in `scales` (L,); otherwise the scales are 1. centroids: (L, K, D) float32 after fit.
    unexplained_variance: per level, the share of the variance of `vectors` that remains in the residuals.
    """

    def __init__(
        self, *, levels: int = 3, size: int = 256, normalize: bool = False, iterations: int = 12, seed: int = 0
    ):
        if not all(type(x) is int for x in (levels, size, iterations)) or min(levels, iterations) < 1 or size < 2:
            settings = f"levels={levels}, size={size}, iterations={iterations}"
            raise UserError(f"RQ-KMeans needs at least 1 level, 2 codes per level and 1 iteration, not {settings}")
        self.levels, self.size, self.normalize = levels, size, normalize
        self.iterations, self.seed = iterations, seed
        self.centroids, self.scales = torch.empty(0), np.ones(levels)
        self.unexplained_variance: list[float] = []

    def fit(self, vectors: np.ndarray) -> "RQKMeans":
        """Learn the centroids from vectors (n, D). UserError for NaN, infinite or constant vectors.

        Equal rows get equal codes. Where a level has fewer distinct rows than codes, the surplus codes stay unused and
        a warning is logged. The result is determined by the vectors and the seed.
        """
        rows = validated_vectors(vectors, self.normalize)
        variance = (rows - rows.mean(0)).square().sum().item()
        residual, centroids, self.unexplained_variance = rows, [], []
        norms = torch.ones(len(rows), 1)  # product of the norms so far, so that errors are in units of the input
        for level in range(self.levels):
            if self.normalize:
                residual, norm = unit_rows_and_norms(residual)
                norms = norms * norm
                self.scales[level] = norms.mean().item()
            table, assigned = lloyd(residual, self.size, self.iterations, derive_seed(self.seed, "rq-kmeans", level))
            centroids.append(table)
            residual = residual - table[assigned]
            self.unexplained_variance.append((residual * norms).square().sum().item() / variance)
        self.centroids = torch.stack(centroids)
        return self

    def encode(self, vectors: np.ndarray) -> np.ndarray:
        """(n, L) int32 codes of vectors (n, D), also of new items. UserError before fit, for NaN, or another D."""
        return self.residuals(vectors)[0]

    def residuals(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Codes (n, L), and the residuals (n, D) that enter the last level, which give the next-nearest last codes."""
        if not len(self.centroids):
            raise UserError("this RQ-KMeans has not been fitted; call fit(vectors) first")
        rows = torch.from_numpy(np.asarray(vectors, np.float32))
        width = self.centroids.shape[2]
        if rows.ndim != 2 or rows.shape[1] != width or not rows.isfinite().all():
            raise UserError(f"vectors of shape {tuple(rows.shape)}; expected finite ones of {width} columns")
        codes, last = [], rows
        for table in self.centroids:
            last = unit_rows_and_norms(rows)[0] if self.normalize else rows
            codes.append(nearest_centroid(last, table))
            rows = last - table[codes[-1]]
        return torch.stack(codes, 1).numpy().astype(np.int32), last.numpy()

    def distances(self, last: np.ndarray) -> np.ndarray:
        """(n, K) squared distances of last residuals (n, D) to the last level's codes."""
        return torch.cdist(torch.from_numpy(last), self.centroids[-1]).square().numpy()

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """(n, D) float32 reconstruction from codes (n, L), or from those of the first levels alone: the sum of the
        codes' centroids, each times its level's scale."""
        at = torch.from_numpy(codes.astype(np.int64))
        parts = [self.centroids[level][at[:, level]] * self.scales[level] for level in range(at.shape[1])]
        return torch.stack(parts).sum(0).float().numpy()


def validated_vectors(vectors: np.ndarray, normalize: bool = False) -> Tensor:
    """(n, D) float32 tensor. UserError for vectors that cannot be clustered."""
    rows = torch.from_numpy(np.ascontiguousarray(vectors, np.float32))
    if rows.ndim != 2 or not len(rows):
        raise UserError(f"item vectors of shape {tuple(rows.shape)}; expected (items, columns) and at least one item")
    if not rows.isfinite().all():
        row = int((~rows.isfinite()).any(1).nonzero()[0, 0])
        raise UserError(f"the vector of item {row + 1} is NaN or infinite, so it cannot be encoded", code=3)
    scaled = unit_rows_and_norms(rows)[0] if normalize else rows
    mean = scaled.mean(0)
    spread, offset = (scaled - mean).square().sum(1).mean().sqrt().item(), mean.norm().item()
    if spread == 0:
        raise UserError("all item vectors are equal, so all items would get the same code", code=3)
    if spread <= MIN_RELATIVE_SPREAD * offset or not TINY < spread < 1 / TINY:
        raise UserError(
            f"item vectors have spread {spread:.2g} around a mean of norm {offset:.2g}, beyond float32 precision: "
            "subtract their mean, or scale them", code=3,
        )  # fmt: skip
    empty = int((rows == 0).all(1).sum())
    if empty:
        log.warning("%d of %d items have a zero vector (no content) and share their codes", empty, len(rows))
    return rows


def unit_rows_and_norms(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Rows scaled to unit norm, and their norms (n, 1); zero rows stay zero."""
    length = rows.norm(dim=1, keepdim=True)
    return rows / length.clamp_min(1e-12), length


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """(n, D) float32 rows scaled to unit norm; zero rows stay zero."""
    return unit_rows_and_norms(torch.from_numpy(np.ascontiguousarray(vectors, np.float32)))[0].numpy()


def partial_squared_distances(rows: Tensor, table: Tensor) -> Tensor:
    """(n, K) squared distances minus the rows' squared norms, which do not affect the order."""
    return torch.addmm(table.square().sum(1), rows, table.T, alpha=-2)


def nearest_centroid(rows: Tensor, table: Tensor) -> Tensor:
    """(n,) int64: index of the nearest of K centroids, the lower one in a tie."""
    closeness = rows @ table.T  # minus half the squared norms: half the time of addmm
    closeness -= table.square().sum(1) / 2
    return torch.from_numpy(closeness.numpy().argmax(1))  # several times faster than torch's argmax


def lloyd(rows: Tensor, size: int, iterations: int, seed: int) -> tuple[Tensor, Tensor]:
    """(K, D) centroids and the nearest one (n,) of each row: Lloyd's algorithm with k-means++ initialisation.

    An empty cluster is re-initialised at the row farthest from its centroid.
    """
    generator = torch.Generator().manual_seed(seed)
    sample = rows[torch.randperm(len(rows), generator=generator)[: SAMPLE_PER_CODE * size]]
    table, previous = kmeans_plus_plus(sample, size, generator), None
    for _ in range(iterations):
        assigned = nearest_centroid(rows, table)
        if previous is not None and int((assigned != previous).sum()) <= TOLERANCE * len(rows):
            break
        previous = assigned
        count = torch.bincount(assigned, minlength=size)
        table = torch.zeros_like(table).index_add_(0, assigned, rows) / count.clamp_min(1)[:, None]
        empty = (count == 0).nonzero()[:, 0]
        if len(empty):
            farthest = (rows - table[assigned]).square().sum(1).topk(min(len(empty), len(rows)))
            # a row at its centroid needs no second one
            useful = farthest.values > TINY * rows.square().sum(1).mean()
            table[empty[: len(useful)][useful]] = rows[farthest.indices[useful]]
    assigned = nearest_centroid(rows, table)
    n_used = len(torch.unique(assigned))
    if n_used < size:
        log.warning("k-means: %d of %d codes are used; too few distinct rows among %d", n_used, size, len(rows))
    return table, assigned


def kmeans_plus_plus(rows: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """(K, D) initial centroids by greedy k-means++ (Arthur and Vassilvitskii 2007).

    Each is the best of CANDIDATES rows, drawn with probability proportional to the squared distance to the nearest
    centroid so far.
    """
    norms = rows.square().sum(1, keepdim=True)
    picks = torch.randint(len(rows), (size,), generator=generator)
    uniform = torch.rand(size, CANDIDATES, generator=generator)
    distance = (partial_squared_distances(rows, rows[picks[:1]]) + norms).clamp_min_(0)[:, 0]
    for index in range(1, size):
        cumulative = distance.cumsum(0)
        if cumulative[-1] <= TINY * len(rows):  # no distinct rows remain: repeat one, unused
            picks[index:] = picks[0]
            break
        candidates = torch.searchsorted(cumulative, uniform[index] * cumulative[-1]).clamp_max_(len(rows) - 1)
        to_candidates = (partial_squared_distances(rows, rows[candidates]) + norms).clamp_min_(0)
        candidate_distance = torch.minimum(to_candidates, distance[:, None])
        best = int(candidate_distance.sum(0).argmin())
        picks[index], distance = candidates[best], candidate_distance[:, best].contiguous()
    return rows[picks]
