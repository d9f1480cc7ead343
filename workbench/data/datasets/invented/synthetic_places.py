"""A synthetic world with planted geography: visits to the places of a town, most of them near the one before."""
import zlib

import numpy as np
import pandas as pd

import workbench.data.synthetic.dynamics as dynamics
from workbench.data.schema import ITEM, RAW, TIME, USER, Dataset, assemble
from workbench.data.tables import attach_tables
from workbench.errors import UserError

CENTRE, KM = (50.0, 10.0), 1 / 111.2  # latitude and longitude of the town; degrees of latitude in a kilometre
QUARTERS, TOWN, QUARTER = 12, 4.0, 0.5  # number; km, standard deviations of their centres and of places around one
STEP, NEAR = 0.4, 0.8  # km, how a visit's probability falls with the distance; share of visits that are near
SECONDS_PER_DAY, START = 86_400, 1_262_304_000  # 2010-01-01


def load(*, users: int = 2_000, items: int = 600, mean_length: float = 12.0, seed: int = 0) -> Dataset:
    """Synthetic places. items and the table geography: lat, lon in degrees.

    A share NEAR of the visits goes to another place with a probability proportional to its popularity and to
    exp(-distance / STEP) from the one before; the others by popularity alone. UserError for an option below its
    minimum.
    """
    for name, value, least in (("users", users, 1), ("items", items, 10), ("mean_length", mean_length, 3)):
        if value < least:
            raise UserError(f"synthetic-places: {name} must be at least {least}, not {value!r}")
    x, y = _positions(items, _stream(seed, "places"))
    popularity = 1 / (_stream(seed, "popularity").permutation(items) + 10.0) ** 0.7
    near = popularity * np.exp(-np.hypot(x[:, None] - x, y[:, None] - y) / STEP)
    np.fill_diagonal(near, 0)
    kernel = np.concatenate([near, popularity[None]])
    kernel /= kernel.sum(axis=1, keepdims=True)
    days, lengths = dynamics.event_days(users, mean_length, 2, 0.25, _stream(seed, "days"))
    chosen = _visits(kernel, days, lengths, _stream(seed, "visits"))
    step, user = np.nonzero(np.arange(len(days))[:, None] < lengths)
    order = np.lexsort((step, user, days[step, user]))
    step, user = step[order], user[order]
    raw = _stream(seed, "ids").permutation(items) + 10_000
    times = START + SECONDS_PER_DAY * days[step, user].astype(np.int64)
    events = pd.DataFrame({USER: user + 10_000, ITEM: raw[chosen[step, user]], TIME: times})
    latitude = CENTRE[0] + y * KM
    longitude = CENTRE[1] + x * KM / np.cos(np.radians(latitude))
    places = pd.DataFrame({RAW: raw, "lat": latitude, "lon": longitude})
    settings = {"users": users, "items": items, "mean_length": mean_length, "seed": seed}
    about = {"title": "synthetic-places: invented visits, most of them near the one before",
             "terms": "invented; free to use", "options": settings}  # fmt: skip
    dataset = assemble("synthetic-places", events, items=places, about=about)
    return attach_tables(dataset, {"geography": places.rename(columns={RAW: ITEM})})


def _stream(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _positions(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(I,) kilometres east and (I,) north of the centre of the town, places around the centres of its quarters."""
    quarters = rng.normal(0, TOWN, (QUARTERS, 2))
    x, y = (quarters[rng.integers(0, QUARTERS, n)] + rng.normal(0, QUARTER, (n, 2))).T
    return x, y


def _visits(kernel: np.ndarray, days: np.ndarray, lengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(T, U) places, one time step of all users at once. kernel: (I+1, I) probabilities of the next place, in the last
    row those of a visit that is not near."""
    chosen, anywhere = np.zeros(days.shape, np.int64), len(kernel) - 1
    for t in range(len(days)):
        n = int(np.searchsorted(-lengths, -t))  # users with more than t visits; they come first
        near = (rng.random(n) < NEAR) & (t > 0)
        before = np.where(near, chosen[t - 1, :n], anywhere)
        chosen[t, :n] = dynamics.sample_items(kernel, before, rng.random((n, 1)))[:, 0]
    return chosen
