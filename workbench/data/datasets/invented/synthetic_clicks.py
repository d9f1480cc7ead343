"""A synthetic world with planted clicks on what is shown: users have tastes, and the appeal of items changes by day."""
import zlib

import numpy as np
import pandas as pd

from workbench.data.schema import ITEM, TIME, USER, Dataset, assemble
from workbench.errors import UserError

DAYS, SECONDS_PER_DAY, START = 20, 86_400, 1_262_304_000  # 2010-01-01
TASTES, MATCH = 4, 1.2  # dimensions of taste; how much it counts in a click
GROUPS = 12  # of items whose appeal changes alike


def load(*, users: int = 2_000, items: int = 400, mean_length: float = 25.0, drift: float = 1.0,
         seed: int = 0) -> Dataset:  # fmt: skip
    """Synthetic exposures. click: 0 or 1, whether the user clicked what was shown. category: the group of an item.

    log odds of a click = own of the user + appeal of the item + MATCH * taste of the user . kind of the item
    + drift * appeal of the item's group on that day, a stationary process whose days correlate by 0.8. drift=0: nothing
    changes over time. What is shown is drawn by chance, popular items more often. UserError for an option below its
    minimum.
    """
    for name, value, least in (("users", users, 1), ("items", items, GROUPS), ("mean_length", mean_length, 3),
                               ("drift", drift, 0)):  # fmt: skip
        if value < least:
            raise UserError(f"synthetic-clicks: {name} must be at least {least}, not {value!r}")
    lengths = 3 + _stream(seed, "lengths").poisson(mean_length - 3, users)
    user = np.repeat(np.arange(users), lengths)
    rng = _stream(seed, "exposures")
    popularity = 1 / (_stream(seed, "popularity").permutation(items) + 10.0) ** 0.7
    item = rng.choice(items, len(user), p=popularity / popularity.sum())
    seconds = rng.integers(0, DAYS * SECONDS_PER_DAY, len(user))
    group = _stream(seed, "groups").integers(0, GROUPS, items)
    odds = log_odds(users, items, group, drift=drift, seed=seed)(user, item, seconds // SECONDS_PER_DAY)
    click = (rng.random(len(user)) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    raw = _stream(seed, "ids").permutation(items) + 10_000
    events = pd.DataFrame({USER: user + 10_000, ITEM: raw[item], TIME: START + seconds, "click": click})
    events = events.sort_values(TIME, kind="stable").reset_index(drop=True)
    table = pd.DataFrame({"raw_id": raw, "category": [f"group {number}" for number in group]})
    settings = {"users": users, "items": items, "mean_length": mean_length, "drift": drift, "seed": seed}
    about = {"title": "synthetic-clicks: invented exposures with clicks, and an appeal that changes",
             "terms": "invented; free to use", "options": settings}  # fmt: skip
    return assemble("synthetic-clicks", events, items=table, about=about)


def log_odds(users: int, items: int, group: np.ndarray, *, drift: float, seed: int):
    """A function of users, items and days, (n,) each, to the log odds of a click (n,)."""
    rng = _stream(seed, "tastes")
    taste, kind = (rng.standard_normal((n, TASTES)) / np.sqrt(TASTES) for n in (users, items))
    own, appeal = rng.standard_normal(users) * 0.6, rng.standard_normal(items) * 0.6
    steps = rng.standard_normal((DAYS, GROUPS))
    daily = np.empty_like(steps)
    daily[0] = steps[0]
    for day in range(1, DAYS):
        daily[day] = 0.8 * daily[day - 1] + 0.6 * steps[day]

    def of(user: np.ndarray, item: np.ndarray, day: np.ndarray) -> np.ndarray:
        match = (taste[user] * kind[item]).sum(axis=1) * np.sqrt(TASTES)
        return own[user] + appeal[item] + MATCH * match + drift * daily[day, group[item]]

    return of


def _stream(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])
