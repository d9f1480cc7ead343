"""What the synthetic worlds plant before anyone chooses: popularity that drifts, and which items follow which."""
import numpy as np


def popularity(n: int, months: int, drift: bool, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(months, I) shares and (I,) month of release: a power law; with `drift` its logarithm moves, a quarter of the
    items appear later, and a few are rare and appear only at the very end."""
    log_share = np.tile(-0.7 * np.log(rng.permutation(n) + 10.0), (months, 1))
    slope, late, when = rng.normal(0, 1.2, n), rng.random(n), rng.integers(1, months - 2, n)
    release = np.zeros(n, np.int64)
    if drift:
        log_share += slope * np.linspace(-0.5, 0.5, months)[:, None]
        release = np.where(late < 0.25, when, release)
        cold = late > 0.94
        release[cold] = months - 2
        log_share[:, cold] = log_share.min() + 2.5
        log_share[np.arange(months)[:, None] < release] = -np.inf
    shares = np.exp(log_share)
    return shares / shares.sum(axis=1, keepdims=True), release


def draw(shares: np.ndarray, month: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Items (n, m) drawn from each row's month by inverting one long cumulative table at `uniform` (n, m) in [0, 1)."""
    table = (np.cumsum(shares, axis=1) + np.arange(len(shares))[:, None]).ravel()
    at = np.searchsorted(table, month[:, None] + uniform, side="right") - month[:, None] * shares.shape[1]
    return np.minimum(at, shares.shape[1] - 1)


def successors(
    shares: np.ndarray, width: int, rng: np.random.Generator, shelf: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """(I, width) items that follow each item, drawn by popularity, and (width,) equal probabilities.

    shelf: (I,) group of each item. Then what follows comes from the two shelves that go with the item's own, as mascara
    goes with eyeliner; without it, from everywhere.
    """
    popular = shares.mean(axis=0)
    shelf = np.zeros(len(popular), np.int64) if shelf is None else shelf
    groups = np.arange(shelf.max() + 1)
    goes_with = np.argsort(rng.random((len(groups), len(groups))), axis=1)[:, :2]
    slot, kinds = np.arange(width), goes_with.shape[1]
    uniform = (slot // kinds + rng.random((len(popular), width))) / -(-width // kinds)  # a stratum each: they differ
    stock = popular * (shelf == groups[:, None])
    stock = np.where(stock.sum(axis=1, keepdims=True) > 0, stock, popular)  # an empty shelf gives way to the whole shop
    target = goes_with[shelf][:, slot % kinds]
    items = draw(stock / stock.sum(axis=1, keepdims=True), target.ravel(), uniform.reshape(-1, 1))
    return items.reshape(target.shape), np.full(width, 1 / width)


def neighbours(features: np.ndarray, width: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(I, width) the most alike other items, nearest first, and (width,) probabilities that fall with the place.

    features: (I, F) with whole-number products; equal ones are settled differently for every item, so that no item is
    everybody's neighbour.
    """
    n = len(features)
    rank = rng.permutation(n)
    near = np.empty((n, width), np.int64)
    for start in range(0, n, 1024):
        rows = np.arange(start, min(n, start + 1024))
        key = np.rint(features[rows] @ features.T).astype(np.int64) * n + (rank[rows][:, None] + rank) % n
        key[np.arange(len(rows)), rows] = -1
        best = np.argpartition(-key, width - 1, axis=1)[:, :width]
        near[rows] = np.take_along_axis(best, np.argsort(-np.take_along_axis(key, best, 1), axis=1), 1)
    weight = 1 / (np.arange(width) + 5.0)
    return near, weight / weight.sum()
