"""RQ-KMeans: residual quantisation with k-means at every level (GRID, MiniOneRec): codes like TIGER's, in seconds.

Level l clusters what those before it left over: r_1 = x, c_l = argmin_k ||r_l - e_lk||^2, r_{l+1} = r_l - e_{l,c_l}.
"""
import logging

import numpy as np
import torch
from torch import Tensor

from workbench.errors import UserError
from workbench.train.rng import derive

log = logging.getLogger("workbench")
TRIALS = 8  # candidates for each starting point
SETTLED = 3e-3  # the share of rows that may still move when Lloyd's iterations stop
SAMPLE = 16  # rows a code among which the starting points are chosen
TINY, FLAT = 1e-9, 1e-3  # of the mean square of the rows; of their distance from the origin


class RQKMeans:
    """A tokenizer: fit(vectors), then encode(vectors) for the same or new items.

    levels, size: L levels of K codes. normalize: residuals are L2-normalised before each level (GRID), and the mean
    lengths taken out are kept in `scales` (L,); off, the scales are 1. centroids: (L, K, D) float32 after fit.
    errors: per level, the share of the variance of `vectors` that is still left over.
    """

    def __init__(
        self, *, levels: int = 3, size: int = 256, normalize: bool = False, iterations: int = 12, seed: int = 0
    ):
        if not all(type(x) is int for x in (levels, size, iterations)) or min(levels, iterations) < 1 or size < 2:
            given = f"levels={levels}, size={size}, iterations={iterations}"
            raise UserError(f"RQ-KMeans needs at least 1 level, 2 codes a level and 1 iteration, not {given}")
        self.levels, self.size, self.normalize = levels, size, normalize
        self.iterations, self.seed = iterations, seed
        self.centroids, self.scales = torch.empty(0), np.ones(levels)
        self.errors: list[float] = []

    def fit(self, vectors: np.ndarray, side: object = None) -> "RQKMeans":
        """Learn the codes from vectors (n, D). UserError on NaN, infinite or constant vectors.

        Rows that are equal get equal codes. Where a level has fewer distinct rows than codes, the codes that are left
        over stay unused, and a warning says so. The same vectors and seed give the same codes.
        """
        rows = checked(vectors, self.normalize)
        variance = (rows - rows.mean(0)).square().sum().item()
        left, centroids, self.errors = rows, [], []
        whole = torch.ones(len(rows), 1)  # lengths taken out so far, so that errors are in the units of the vectors
        for level in range(self.levels):
            if self.normalize:
                left, length = unit(left)
                whole = whole * length
                self.scales[level] = whole.mean().item()
            table, at = lloyd(left, self.size, self.iterations, derive(self.seed, "rq-kmeans", level))
            centroids.append(table)
            left = left - table[at]
            self.errors.append((left * whole).square().sum().item() / variance)
        self.centroids = torch.stack(centroids)
        return self

    def encode(self, vectors: np.ndarray) -> np.ndarray:
        """(n, L) int32 codes of vectors (n, D); also of items that fit never saw. UserError before fit, on NaN, or
        where D is another."""
        return self.residuals(vectors)[0]

    def residuals(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Codes (n, L), and what reached the last level (n, D): by it the next-nearest last code is found."""
        if not len(self.centroids):
            raise UserError("this RQ-KMeans has not been fitted; call fit(vectors) first")
        rows = torch.from_numpy(np.asarray(vectors, np.float32))
        width = self.centroids.shape[2]
        if rows.ndim != 2 or rows.shape[1] != width or not rows.isfinite().all():
            raise UserError(f"vectors of shape {tuple(rows.shape)}; expected finite ones of {width} columns")
        codes, last = [], rows
        for table in self.centroids:
            last = unit(rows)[0] if self.normalize else rows
            codes.append(nearest(last, table))
            rows = last - table[codes[-1]]
        return torch.stack(codes, 1).numpy().astype(np.int32), last.numpy()

    def distances(self, last: np.ndarray) -> np.ndarray:
        """(n, K) squared distances of last residuals (n, D) to the last level's codes."""
        return torch.cdist(torch.from_numpy(last), self.centroids[-1]).square().numpy()

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """(n, D) float32: the sum of the codes' centroids, each at its level's mean scale if normalised."""
        at = torch.from_numpy(codes.astype(np.int64))
        parts = [table[at[:, level]] * self.scales[level] for level, table in enumerate(self.centroids)]
        return torch.stack(parts).sum(0).float().numpy()


def checked(vectors: np.ndarray, normalize: bool = False) -> Tensor:
    """(n, D) float32. UserError where nothing can be clustered."""
    rows = torch.from_numpy(np.ascontiguousarray(vectors, np.float32))
    if rows.ndim != 2 or not len(rows):
        raise UserError(f"item vectors of shape {tuple(rows.shape)}; expected (items, columns) and at least one item")
    if not rows.isfinite().all():
        row = int((~rows.isfinite()).any(1).nonzero()[0, 0])
        raise UserError(f"the vector of item {row + 1} is NaN or infinite; no code can be given to it", code=3)
    seen = unit(rows)[0] if normalize else rows
    middle = seen.mean(0)
    apart, far = (seen - middle).square().sum(1).mean().sqrt().item(), middle.norm().item()
    if apart == 0:
        raise UserError("all item vectors are equal, so every item would get one and the same code", code=3)
    if apart <= FLAT * far or not TINY < apart < 1 / TINY:
        raise UserError(
            f"item vectors lie {apart:.2g} apart around a point {far:.2g} from the origin, and float32 cannot tell "
            "such vectors apart: subtract their mean, or scale them", code=3,
        )  # fmt: skip
    empty = int((rows == 0).all(1).sum())
    if empty:
        log.warning("%d of %d items have a zero vector (no content); they share their codes", empty, len(rows))
    return rows


def unit(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of length 1 and their lengths (n, 1); zero rows stay zero."""
    length = rows.norm(dim=1, keepdim=True)
    return rows / length.clamp_min(1e-12), length


def squares(rows: Tensor, table: Tensor) -> Tensor:
    """(n, K) squared distances but for the rows' own squares, which order nothing."""
    return torch.addmm(table.square().sum(1), rows, table.T, alpha=-2)


def nearest(rows: Tensor, table: Tensor) -> Tensor:
    """(n,) int64: the nearest of K centroids, the lower number where two are as near."""
    closeness = rows @ table.T  # less half the squares: half the time of addmm
    closeness -= table.square().sum(1) / 2
    return torch.from_numpy(closeness.numpy().argmax(1))  # several times faster than torch's argmax


def lloyd(rows: Tensor, size: int, iterations: int, seed: int) -> tuple[Tensor, Tensor]:
    """(K, D) centroids and the nearest one (n,) of each row, by Lloyd's iterations from a k-means++ start, until hardly
    a row moves. A cluster that loses all its rows starts again at the row that is served worst."""
    generator = torch.Generator().manual_seed(seed)
    some = rows[torch.randperm(len(rows), generator=generator)[: SAMPLE * size]]
    table, before = plus_plus(some, size, generator), None
    for _ in range(iterations):
        at = nearest(rows, table)
        if before is not None and int((at != before).sum()) <= SETTLED * len(rows):
            break
        before = at
        count = torch.bincount(at, minlength=size)
        table = torch.zeros_like(table).index_add_(0, at, rows) / count.clamp_min(1)[:, None]
        empty = (count == 0).nonzero()[:, 0]
        if len(empty):
            far = (rows - table[at]).square().sum(1).topk(min(len(empty), len(rows)))
            # a row that its centroid serves exactly needs no second one
            worth = far.values > TINY * rows.square().sum(1).mean()
            table[empty[: len(worth)][worth]] = rows[far.indices[worth]]
    at = nearest(rows, table)
    used = len(torch.unique(at))
    if used < size:
        log.warning("k-means: %d of %d codes are used; the %d rows hold too few distinct ones", used, size, len(rows))
    return table, at


def plus_plus(rows: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """(K, D) rows to start from, far from each other: greedy k-means++ (Arthur and Vassilvitskii 2007). Each is the
    best of TRIALS drawn with a chance in proportion to the squared distance to the nearest one before."""
    norms = rows.square().sum(1, keepdim=True)
    picks = torch.randint(len(rows), (size,), generator=generator)
    chances = torch.rand(size, TRIALS, generator=generator)
    near = (squares(rows, rows[picks[:1]]) + norms).clamp_min_(0)[:, 0]
    for place in range(1, size):
        sums = near.cumsum(0)
        if sums[-1] <= TINY * len(rows):  # no distinct rows are left: the rest of the table repeats one, unused
            picks[place:] = picks[0]
            break
        drawn = torch.searchsorted(sums, chances[place] * sums[-1]).clamp_max_(len(rows) - 1)
        after = torch.minimum((squares(rows, rows[drawn]) + norms).clamp_min_(0), near[:, None])
        best = int(after.sum(0).argmin())
        picks[place], near = drawn[best], after[:, best].contiguous()
    return rows[picks]
