"""Balanced residual k-means: k-means at every level with clusters of at most ceil(n/K (1 + slack)) rows (MiniOneRec).

Level l assigns the residuals r by c = argmin_k ||r - e_lk||^2 + price_lk, r_{l+1} = r - e_{l,c}. Prices are the dual
variables of the transport problem whose clusters have equal sizes (entropic, Cuturi 2013): a full cluster is dear, an
empty one cheap. What they leave above the capacity is moved where it costs least, so no cluster exceeds it.
"""
import numpy as np
import torch
from torch import Tensor

from workbench.errors import UserError
from workbench.tokens.code_usage import code_usage, unexplained_variance
from workbench.tokens.residual_quantiser import squared_distances
from workbench.tokens.rq_kmeans import lloyd, unit_rows_and_norms, validated_vectors
from workbench.train.rng import derive_seed

START_ITERATIONS = 4  # of plain k-means, before the sizes are constrained
PRICE_STEPS, LAST_PRICE_STEPS = 6, 60  # per iteration, from the last one's prices; for the final centroids
EPSILON = 0.2  # entropic regularisation, relative to the mean squared distance to the nearest centroid


class BalancedKMeans:
    """A tokenizer: fit(vectors), then `codes`, the balanced codes of the fitted vectors, and encode(vectors) of others.

    levels, size: L levels of K codes. normalize: rows are L2-normalised first. slack: by which share a cluster may
    exceed n/K. Equal vectors share their codes and count once. After fit, codes: (n, L) int32; centroids: (L, K, D) and
    prices (L, K) float32; capacity: distinct vectors per code and level; unexplained_variance, used and perplexity per
    level.

    New vectors are encoded by the centroids and prices of the fit, with no capacity: one new item moves no other.
    """

    def __init__(
        self, *, levels: int = 3, size: int = 256, normalize: bool = False, slack: float = 0.0, iterations: int = 12,
        seed: int = 0,
    ):  # fmt: skip
        if not all(type(x) is int for x in (levels, size, iterations)) or min(levels, iterations) < 1 or size < 2:
            settings = f"levels={levels}, size={size}, iterations={iterations}"
            raise UserError(f"balanced k-means needs at least 1 level, 2 codes per level, 1 iteration, not {settings}")
        if not 0 <= slack < np.inf:
            raise UserError(f"slack={slack}: by which share a cluster may exceed n/K; expected a number >= 0")
        self.levels, self.size, self.normalize, self.slack = levels, size, normalize, slack
        self.iterations, self.seed = iterations, seed
        self.centroids, self.prices, self.codes, self.capacity = torch.empty(0), torch.empty(0), np.empty((0, 0)), 0
        self.unexplained_variance, self.used, self.perplexity = [], [], []

    def fit(self, vectors: np.ndarray) -> "BalancedKMeans":
        """Learn the centroids and prices from vectors (n, D). UserError for NaN, infinite or constant vectors."""
        rows = validated_vectors(vectors, self.normalize)
        rows = unit_rows_and_norms(rows)[0] if self.normalize else rows
        distinct, which = np.unique(rows.numpy(), axis=0, return_inverse=True)
        self.capacity = int(np.ceil(len(distinct) / self.size * (1 + self.slack)))
        left, tables, prices, codes = torch.from_numpy(distinct), [], [], []
        for level in range(self.levels):
            seed = derive_seed(self.seed, "balanced k-means", level)
            table, price, assigned = balanced_lloyd(left, self.size, self.capacity, self.iterations, seed)
            left = left - table[assigned]
            tables, prices, codes = [*tables, table], [*prices, price], [*codes, assigned]
        self.centroids, self.prices = torch.stack(tables), torch.stack(prices)
        self.codes = torch.stack(codes, 1).numpy().astype(np.int32)[which.ravel()]
        partial = [self.decode(self.codes[:, :upto]) for upto in range(1, self.levels + 1)]
        self.unexplained_variance = unexplained_variance(rows.numpy(), partial)
        self.used, self.perplexity = code_usage(self.codes, (self.size,) * self.levels).values()
        return self

    def encode(self, vectors: np.ndarray) -> np.ndarray:
        """(n, L) int32 codes of vectors (n, D), new items. UserError before fit, for NaN, or another D."""
        if not len(self.centroids):
            raise UserError("this balanced k-means has not been fitted; call fit(vectors) first")
        rows, width = torch.from_numpy(np.ascontiguousarray(vectors, np.float32)), self.centroids.shape[2]
        if rows.ndim != 2 or rows.shape[1] != width or not rows.isfinite().all():
            raise UserError(f"vectors of shape {tuple(rows.shape)}; expected finite ones of {width} columns")
        rows, codes = unit_rows_and_norms(rows)[0] if self.normalize else rows, []
        for table, price in zip(self.centroids, self.prices):
            cost = torch.addmm(table.square().sum(1) + price, rows, table.T, alpha=-2)
            codes.append(torch.from_numpy(cost.numpy().argmin(1)))  # several times faster than torch's argmin
            rows = rows - table[codes[-1]]
        return torch.stack(codes, 1).numpy().astype(np.int32)

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """(n, D) float32 reconstruction from codes (n, L), or from those of the first levels alone."""
        at = torch.from_numpy(codes.astype(np.int64))
        return torch.stack([self.centroids[level][at[:, level]] for level in range(at.shape[1])]).sum(0).numpy()


def balanced_lloyd(
    rows: Tensor, size: int, capacity: int, iterations: int, seed: int
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """(K, D) centroids, (K,) prices and the cluster (n,) of each row: at most `capacity` rows in each cluster."""
    table, price = lloyd(rows, size, START_ITERATIONS, seed)[0], torch.zeros(size)
    for iteration in range(iterations + 1):
        cost, last = squared_distances(rows, table), iteration == iterations
        price = balancing_prices(cost, price, steps=LAST_PRICE_STEPS if last else PRICE_STEPS)
        assigned = assign_within_capacity(cost + price, capacity)
        if last:
            return table, price, assigned
        count = torch.bincount(assigned, minlength=size)
        means = torch.zeros_like(table).index_add_(0, assigned, rows) / count.clamp_min(1)[:, None]
        table = torch.where((count > 0)[:, None], means, table)


def balancing_prices(distances: Tensor, price: Tensor, *, steps: int) -> Tensor:
    """(K,) prices under which the n rows share the K clusters more evenly, from those of the last iteration.

    distances: (n, K), squared. Sinkhorn's iterations for the dual variables of the columns, of mean 0.
    """
    epsilon = EPSILON * distances.min(1).values.mean().clamp_min(1e-9 * distances.mean()).clamp_min(1e-30)
    target = np.log(len(distances) / distances.shape[1])
    for _ in range(steps):
        load = torch.log_softmax(-(distances + price) / epsilon, 1).logsumexp(0)
        price = price + epsilon * (load - target)
        price = price - price.mean()
    return price


def assign_within_capacity(cost: Tensor, capacity: int) -> Tensor:
    """(n,) clusters of low total cost (n, K), of at most `capacity` rows each. UserError where they cannot hold all.

    Every row bids for its cheapest cluster. An overfull cluster keeps the rows that lose most by moving to their
    cheapest open cluster, is closed, and the others move, until no cluster is overfull: at most K rounds.
    """
    (n, size), rows = cost.shape, torch.arange(len(cost))
    if n > capacity * size:
        raise UserError(f"{size} clusters of at most {capacity} rows cannot hold {n}")
    cost, assigned = cost.clone(), torch.from_numpy(cost.numpy().argmin(1))
    while True:
        count = torch.bincount(assigned, minlength=size)
        overfull = count > capacity
        if not overfull.any():
            return assigned
        inside = rows[overfull[assigned]]
        own = cost[inside, assigned[inside]]
        cost[:, count >= capacity] = torch.inf
        regret = cost[inside].min(1).values - own
        order = torch.from_numpy(np.lexsort((-regret.numpy(), assigned[inside].numpy())))
        inside = inside[order]  # by cluster, those that lose most by moving first
        cluster = assigned[inside]
        rank = torch.arange(len(inside)) - torch.searchsorted(cluster, cluster)
        moved = inside[rank >= capacity]
        assigned[moved] = torch.from_numpy(cost[moved].numpy().argmin(1))
