"""PQ: product quantisation (Jegou et al. 2011) after a learned rotation (OPQ, Ge et al. 2013): L parallel codes.

y = R (x - mean) is cut into L sub-vectors, and code l is the nearest of the K centroids of sub-space l. Rotation and
centroids minimise ||y - y'||^2 in turns: centroids by Lloyd's iterations, R = V U' from the SVD of X' Y' = U S V'.
"""
import numpy as np
import torch
from torch import Tensor

from workbench.errors import UserError
from workbench.tokens.code_usage import code_usage, unexplained_variance, warn_of_unused_codes
from workbench.tokens.residual_quantiser import squared_distances
from workbench.tokens.rq_kmeans import lloyd, nearest_centroid, unit_rows_and_norms, validated_vectors
from workbench.train.rng import derive_seed

ITERATIONS = 12  # of k-means, where centroids are started


class PQ:
    """A tokenizer: fit(vectors), then encode(vectors) for the same or new items.

    levels, size: L sub-spaces of K codes; no code depends on another, and their order means nothing. normalize: rows
    are L2-normalised first. rounds: how often the rotation is learned anew; 0 keeps the first one, which deals the
    principal axes to sub-spaces of like variance. rotation: (D, D) orthogonal; centroids: L tables (K, D_l);
    unexplained_variance: per level, the share of the variance of `vectors` that the codes up to it leave; used,
    perplexity: of the codes, per level.
    """

    def __init__(
        self, *, levels: int = 3, size: int = 256, normalize: bool = False, rounds: int = 6, seed: int = 0
    ):  # fmt: skip
        if not all(type(x) is int for x in (levels, size, rounds)) or levels < 1 or size < 2 or rounds < 0:
            settings = f"levels={levels}, size={size}, rounds={rounds}"
            raise UserError(f"PQ needs at least 1 level, 2 codes per level and 0 rounds, not {settings}")
        self.levels, self.size, self.normalize, self.rounds, self.seed = levels, size, normalize, rounds, seed
        self.mean, self.rotation, self.centroids = torch.empty(0), torch.empty(0), []
        self.unexplained_variance, self.used, self.perplexity = [], [], []

    def fit(self, vectors: np.ndarray) -> "PQ":
        """Learn rotation and centroids from vectors (n, D). UserError for NaN, infinite or constant vectors, or for
        fewer columns than levels.

        Equal rows get equal codes. The result is determined by the vectors and the seed.
        """
        rows = validated_vectors(vectors, self.normalize)
        if rows.shape[1] < self.levels:
            raise UserError(f"levels={self.levels}: vectors of {rows.shape[1]} columns have no more sub-spaces")
        rows = unit_rows_and_norms(rows)[0] if self.normalize else rows
        self.mean = rows.mean(0)
        centred = rows - self.mean
        self.rotation = balanced_principal_axes(centred, self.levels)
        parts = (centred @ self.rotation.T).tensor_split(self.levels, 1)
        self.centroids = [self._first_centroids(part, level) for level, part in enumerate(parts)]
        for _ in range(self.rounds):
            codes = [nearest_centroid(*each) for each in zip(parts, self.centroids)]
            quantised = torch.cat([table[at] for table, at in zip(self.centroids, codes)], 1)
            left, _, right = torch.linalg.svd(centred.T @ quantised)
            self.rotation = (left @ right).T
            parts = (centred @ self.rotation.T).tensor_split(self.levels, 1)
            self.centroids = [means(*each) for each in zip(parts, codes, self.centroids)]
        found = self.encode(vectors)
        partial = [self.decode(found[:, :upto]) for upto in range(1, self.levels + 1)]
        self.unexplained_variance = unexplained_variance(rows.numpy(), partial)
        self.used, self.perplexity = code_usage(found, (self.size,) * self.levels).values()
        warn_of_unused_codes("pq", self.used, (self.size,) * self.levels)
        return self

    def encode(self, vectors: np.ndarray) -> np.ndarray:
        """(n, L) int32 codes of vectors (n, D), also of new items. UserError before fit, for NaN, or another D."""
        return self.sub_vectors(vectors)[0]

    def sub_vectors(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Codes (n, L), and the sub-vectors (n, D_L) of the last sub-space."""
        if not self.centroids:
            raise UserError("this PQ has not been fitted; call fit(vectors) first")
        rows, width = torch.from_numpy(np.ascontiguousarray(vectors, np.float32)), len(self.mean)
        if rows.ndim != 2 or rows.shape[1] != width or not rows.isfinite().all():
            raise UserError(f"vectors of shape {tuple(rows.shape)}; expected finite ones of {width} columns")
        rows = unit_rows_and_norms(rows)[0] if self.normalize else rows
        parts = ((rows - self.mean) @ self.rotation.T).tensor_split(self.levels, 1)
        codes = [nearest_centroid(*each) for each in zip(parts, self.centroids)]
        return torch.stack(codes, 1).numpy().astype(np.int32), parts[-1].numpy()

    def distances(self, last: np.ndarray) -> np.ndarray:
        """(n, K) squared distances of sub-vectors (n, D_L) to the codes of the last sub-space."""
        return squared_distances(torch.from_numpy(last), self.centroids[-1]).numpy()

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """(n, D) float32 reconstruction from codes (n, L), or from those of the first sub-spaces alone."""
        at = torch.from_numpy(codes.astype(np.int64))
        quantised = torch.zeros(len(at), len(self.mean))
        for level, part in enumerate(quantised.tensor_split(self.levels, 1)[: at.shape[1]]):
            part.copy_(self.centroids[level][at[:, level]])
        return (quantised @ self.rotation + self.mean).numpy()

    def _first_centroids(self, part: Tensor, level: int) -> Tensor:
        return lloyd(part.contiguous(), self.size, ITERATIONS, derive_seed(self.seed, "pq", level))[0]


def balanced_principal_axes(rows: Tensor, levels: int) -> Tensor:
    """(D, D) rotation of centred rows (n, D) to principal axes, dealt to `levels` sub-spaces of like variance: the
    axes, by falling variance, go each to the sub-space with the least variance that has room (after OPQ's
    eigenvalue allocation)."""
    variance, axes = torch.linalg.eigh(rows.T @ rows)
    room = [len(part) for part in torch.arange(len(axes)).tensor_split(levels)]
    dealt, total = [[] for _ in room], [0.0] * levels
    for axis in range(len(axes) - 1, -1, -1):
        least = min((at for at in range(levels) if len(dealt[at]) < room[at]), key=lambda at: total[at])
        dealt[least].append(axis)
        total[least] += variance[axis].item()
    return axes.T[[axis for part in dealt for axis in part]].contiguous()


def means(part: Tensor, codes: Tensor, table: Tensor) -> Tensor:
    """(K, D_l) means of the sub-vectors of each code; an unused code keeps its centroid."""
    count = torch.bincount(codes, minlength=len(table))
    sums = torch.zeros_like(table).index_add_(0, codes, part)
    return torch.where((count > 0)[:, None], sums / count.clamp_min(1)[:, None], table)
