"""What the synthetic worlds plant before any choice is made: popularity, preferences, days, what follows an item."""
import numpy as np


def popularity(n: int, months: int, drift: bool, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(months, I) popularity shares and (I,) month of release of each item.

    Popularity follows a power law. With `drift` its logarithm changes linearly over time, a quarter of the items are
    released later, and a few are rare and released only at the very end.
    """
    log_share = np.tile(-0.7 * np.log(rng.permutation(n) + 10.0), (months, 1))
    slope, lateness, month = rng.normal(0, 1.2, n), rng.random(n), rng.integers(1, months - 2, n)
    release = np.zeros(n, np.int64)
    if drift:
        log_share += slope * np.linspace(-0.5, 0.5, months)[:, None]
        release = np.where(lateness < 0.25, month, release)
        cold = lateness > 0.94
        release[cold] = months - 2
        log_share[:, cold] = log_share.min() + 2.5
        log_share[np.arange(months)[:, None] < release] = -np.inf
    shares = np.exp(log_share)
    return shares / shares.sum(axis=1, keepdims=True), release


def user_preferences(
    users: int, sizes: tuple[int, int, int], strength: float, rng: np.random.Generator
) -> list[np.ndarray]:
    """Three (U, n) float32 arrays: the user's preference for each category, brand and tag; most are zero."""
    preferences = []
    for n, share, mean in zip(sizes, (0.12, 0.1, 0.2), (2.5, 1.5, 1.5), strict=True):
        liked = rng.random((users, n)) < share
        preferences.append((strength * liked * rng.gamma(4, mean / 4, liked.shape)).astype(np.float32))
    return preferences


def event_days(
    users: int, mean_length: float, min_length: int, tie_rate: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """(T, U) days and (U,) lengths, longest user first. Two events of one user on the same day are a tie."""
    extra = rng.poisson(rng.gamma(2, max(mean_length - min_length, 0.1) / 2, users))
    lengths = np.sort(min_length + extra)[::-1]
    shape = (lengths[0], users)
    gaps = np.where(rng.random(shape) < tie_rate, 0, rng.geometric(1 / 25, shape))
    gaps[0] = rng.integers(0, 900, users)
    return np.cumsum(gaps, axis=0), lengths


def sample_items(shares: np.ndarray, month: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """(n, m) items drawn from the shares of each row's month, by inverse-transform sampling.

    shares: (months, I). month: (n,). uniform: (n, m) in [0, 1). The months' cumulative shares form one sorted table, so
    one binary search serves all rows.
    """
    table = (np.cumsum(shares, axis=1) + np.arange(len(shares))[:, None]).ravel()
    at = np.searchsorted(table, month[:, None] + uniform, side="right") - month[:, None] * shares.shape[1]
    return np.minimum(at, shares.shape[1] - 1)


def successors(
    shares: np.ndarray, width: int, rng: np.random.Generator, group: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """(I, width) successors of each item, drawn by popularity, and (width,) equal probabilities.

    group: (I,) category of each item. With it, the successors come from two categories that go with the item's own, as
    mascara goes with eyeliner; without it, from all items.
    """
    popular = shares.mean(axis=0)
    group = np.zeros(len(popular), np.int64) if group is None else group
    groups = np.arange(group.max() + 1)
    related = np.argsort(rng.random((len(groups), len(groups))), axis=1)[:, :2]
    slot, n_related = np.arange(width), related.shape[1]
    strata = -(-width // n_related)  # stratified sampling makes the successors differ
    uniform = (slot // n_related + rng.random((len(popular), width))) / strata
    by_group = popular * (group == groups[:, None])
    by_group = np.where(by_group.sum(axis=1, keepdims=True) > 0, by_group, popular)  # an empty category: all items
    target = related[group][:, slot % n_related]
    items = sample_items(by_group / by_group.sum(axis=1, keepdims=True), target.ravel(), uniform.reshape(-1, 1))
    return items.reshape(target.shape), np.full(width, 1 / width)


def shelf_neighbours(keys: tuple[np.ndarray, ...], width: int, rng: np.random.Generator) -> np.ndarray:
    """(I, width) the items next to each one, half of them on each side, when all stand in one order: by the last of
    `keys`, (I,) codes each, then by the one before it, then at random. A small catalogue has fewer, some twice."""
    order = np.lexsort((rng.random(len(keys[0])), *keys))
    place = np.argsort(order)
    offsets = np.delete(np.arange(width + 1) - width // 2, width // 2)
    return order[(place[:, None] + offsets) % len(order)]


def nearest_neighbours(features: np.ndarray, width: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(I, width) the most similar other items, nearest first, and (width,) probabilities that decrease with the rank.

    features: (I, F) with integer inner products. Ties are broken in a different order for each item, so that no item is
    a neighbour of all others.
    """
    n = len(features)
    rank = rng.permutation(n)
    neighbours = np.empty((n, width), np.int64)
    for start in range(0, n, 1024):
        rows = np.arange(start, min(n, start + 1024))
        key = np.rint(features[rows] @ features.T).astype(np.int64) * n + (rank[rows][:, None] + rank) % n
        key[np.arange(len(rows)), rows] = -1
        best = np.argpartition(-key, width - 1, axis=1)[:, :width]
        neighbours[rows] = np.take_along_axis(best, np.argsort(-np.take_along_axis(key, best, 1), axis=1), 1)
    weight = 1 / (np.arange(width) + 5.0)
    return neighbours, weight / weight.sum()
