"""A synthetic world with planted friendships: circles of friends who have items in common that few others have."""
import zlib

import numpy as np
import pandas as pd

import workbench.data.synthetic.dynamics as dynamics
from workbench.data.schema import ITEM, TIME, USER, Dataset, assemble
from workbench.data.tables import attach_tables
from workbench.errors import UserError

CIRCLE, FAVOURITES, SHARED = 12, 25, 0.75  # users and items of a circle; share of a user's events with these items
WITHIN, ACROSS = 0.4, 0.5  # probability of a friendship in a circle; friendships outside of it, for each user
SECONDS_PER_DAY, START = 86_400, 1_262_304_000  # 2010-01-01


def load(*, users: int = 2_000, items: int = 600, mean_length: float = 10.0, seed: int = 0) -> Dataset:
    """Synthetic friends. table social: user, friend; both directions.

    Every user is in one circle, which has favourite items. A share SHARED of the user's events is with those, the
    others with any item, by popularity. Friends are mostly of the same circle. UserError for an option below its
    minimum.
    """
    for name, value, least in (("users", users, 1), ("items", items, FAVOURITES), ("mean_length", mean_length, 3)):
        if value < least:
            raise UserError(f"synthetic-social: {name} must be at least {least}, not {value!r}")
    circle = _stream(seed, "circles").permutation(np.arange(users) // CIRCLE)
    shares = _shares(circle.max() + 1, items, seed)
    days, lengths = dynamics.event_days(users, mean_length, 2, 0.25, _stream(seed, "days"))
    rng = _stream(seed, "choices")
    step, user = np.nonzero(np.arange(len(days))[:, None] < lengths)
    taste = np.where(rng.random(len(step)) < SHARED, circle[user], len(shares) - 1)
    chosen = dynamics.sample_items(shares, taste, rng.random((len(step), 1)))[:, 0]
    order = np.lexsort((step, user, days[step, user]))
    raw = _stream(seed, "ids").permutation(items) + 10_000
    events = pd.DataFrame({
        USER: user + 10_000, ITEM: raw[chosen], TIME: START + SECONDS_PER_DAY * days[step, user].astype(np.int64),
    }).iloc[order].reset_index(drop=True)  # fmt: skip
    settings = {"users": users, "items": items, "mean_length": mean_length, "seed": seed}
    about = {"title": "synthetic-social: invented circles of friends with favourite items",
             "terms": "invented; free to use", "options": settings}  # fmt: skip
    dataset = assemble("synthetic-social", events, about=about)
    return attach_tables(dataset, {"social": _friends(circle, _stream(seed, "friends"))})


def _stream(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _shares(circles: int, items: int, seed: int) -> np.ndarray:
    """(circles + 1, I) probabilities of items among the favourites of each circle, and in the last row among all."""
    popularity = 1 / (_stream(seed, "popularity").permutation(items) + 10.0) ** 0.7
    keys = _stream(seed, "favourites").exponential(size=(circles, items)) / popularity  # the least: by popularity
    liked = np.zeros((circles + 1, items), bool)
    np.put_along_axis(liked[:-1], np.argpartition(keys, FAVOURITES - 1, axis=1)[:, :FAVOURITES], True, axis=1)
    liked[-1] = True
    shares = popularity * liked
    return shares / shares.sum(axis=1, keepdims=True)


def _friends(circle: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Friendships of users (U,), a row a direction, by raw ids."""
    users = len(circle)
    order = np.argsort(circle, kind="stable")
    first, second = np.triu_indices(CIRCLE, 1)
    places = np.arange(-(-users // CIRCLE))[:, None] * CIRCLE
    first, second = (places + first).ravel(), (places + second).ravel()
    kept = (second < users) & (rng.random(len(first)) < WITHIN)
    pairs = np.stack([order[first[kept]], order[second[kept]]])
    others = rng.integers(0, users, (2, int(users * ACROSS / 2)))
    pairs = np.concatenate([pairs, others[:, others[0] != others[1]]], axis=1)
    both = np.unique(np.concatenate([pairs, pairs[::-1]], axis=1), axis=1) + 10_000
    return pd.DataFrame({USER: both[0], "friend": both[1]})
