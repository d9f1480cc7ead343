"""A stream: what was shown to users or rated by them, in the order of time, cut into windows.

Labels are those of the dataset: the column `click` where it holds what was shown with and without a click; else the
column `rating`, of which LIKED of the scale and more is positive (4 of 5 stars); else every event is positive, and for
each a negative is drawn.
"""
import logging
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from workbench.data.schema import ITEM, ROW, TIME, USER, Dataset
from workbench.data.splits import splitmix64
from workbench.errors import UserError, is_integer
from workbench.train.rng import named_rng

log = logging.getLogger("workbench")
LIKED = 0.8  # of the highest rating
LAST = 20  # events of a user's past that an event carries
VALID = 5  # one of so many windows before the first is validation
DRAWS = 4  # of a negative that is not the positive
CLICKS, RATINGS, NEGATIVES = "clicks", "ratings", "sampled negatives"


class Events(NamedTuple):
    """n events in the order of time.

    rows: (n,) int64 places in the stream. users: (n,) int32. items: (n,) int32 ids. labels: (n,) float32, 1 where it
    was clicked or liked, else 0; NaN while it is not known. times: (n,) int64 seconds, or microseconds where the data
    have them. history: (n, LAST) int32 the items of the user's last events in earlier windows, oldest first, 0 for
    none; reactions: (n, LAST) float32 their labels.
    """

    rows: np.ndarray
    users: np.ndarray
    items: np.ndarray
    labels: np.ndarray
    times: np.ndarray
    history: np.ndarray
    reactions: np.ndarray

    def take(self, index: np.ndarray | slice) -> "Events":
        """The events at these places."""
        return Events(*(array[index] for array in self))

    def unlabelled(self) -> "Events":
        """The events as they are before anybody reacted."""
        return self._replace(labels=np.full(len(self.rows), np.nan, np.float32))


@dataclass(frozen=True)
class Stream:
    """All N events of a dataset in the order of time, and windows of about as many events each, in which equal times
    are together.

    users, items, labels, times: (N,) as in `Events`. bounds: (P+1,) places at which windows begin, the last is N.
    first: how many of the P windows come before the first that is predicted. labelled: where the labels are from. What
    a user did in the same window is in no history, as it is not known before the window is over.
    """

    users: np.ndarray
    items: np.ndarray
    labels: np.ndarray
    times: np.ndarray
    bounds: np.ndarray
    first: int
    n_users: int
    n_items: int
    labelled: str = CLICKS

    @cached_property
    def _by_user(self) -> np.ndarray:
        return np.argsort(self.users, kind="stable")

    @cached_property
    def _keys(self) -> np.ndarray:
        """(N,) of users and then places, ascending."""
        return self._key(self.users[self._by_user], self._by_user)

    @property
    def windows(self) -> int:
        """How many are predicted."""
        return len(self.bounds) - 1 - self.first

    @property
    def train(self) -> Events:
        """What is learned from before anything is served."""
        return self._between(0, self._valid)

    @property
    def valid(self) -> Events:
        """The last windows before the first that is predicted."""
        return self._between(self._valid, self.first)

    def window(self, number: int) -> Events:
        """A window that is predicted, by its number from 0."""
        return self._between(self.first + number, self.first + number + 1)

    @property
    def _valid(self) -> int:
        return self.first - max(1, self.first // VALID)

    def _key(self, users: np.ndarray, places: np.ndarray) -> np.ndarray:
        return users.astype(np.int64) * (len(self.users) + 1) + places

    def _between(self, start: int, end: int) -> Events:
        """The events of windows, from start to before end."""
        rows = np.arange(self.bounds[start], self.bounds[end])
        users = self.users[rows]
        opened = np.repeat(self.bounds[start:end], np.diff(self.bounds[start : end + 1]))
        known = np.searchsorted(self._keys, self._key(users, opened))[:, None]  # behind the last earlier one
        at = known - np.arange(LAST, 0, -1)
        there = at >= np.searchsorted(self._keys, self._key(users, np.zeros_like(rows)))[:, None]
        past = self._by_user[np.where(there, at, 0)]
        history = np.where(there, self.items[past], 0).astype(np.int32)
        reactions = np.where(there, self.labels[past], 0).astype(np.float32)
        return Events(rows, users, self.items[rows], self.labels[rows], self.times[rows], history, reactions)


def stream_of(bench: Any, *, windows: int = 10, start: float = 0.5) -> Stream:
    """The stream of the users of a bench.

    windows: that are predicted. start: share of the events before them, by time. UserError for data without times,
    with fewer windows than that, for a variant with other train events, or a number out of range.
    """
    dataset, n_users = bench.dataset.with_exact_times(), bench.split.n_users
    if not dataset.has_times or dataset.order == "none":
        raise UserError(f"{dataset.name} has no times, so there is no stream of it; use a log with times, such as "
                        "movielens-small", code=3)  # fmt: skip
    if "-" in bench.split.data_hash:  # of a variant
        raise UserError("a stream is of all events of its users; this bench is a variant with other train events")
    events = dataset.interactions[dataset.interactions[USER] < n_users]
    users, items, times = events[USER].to_numpy(), events[ITEM].to_numpy(), events[TIME].to_numpy(np.int64)
    chance = splitmix64(users, items, times, seed=bench.protocol.tie_seed)
    order = np.lexsort((events[ROW].to_numpy() if bench.protocol.ties == "file" else chance, times))
    labels, labelled = _labels(dataset, events)
    kept = order[np.isfinite(labels[order])]
    arrays = (users[kept], items[kept], labels[kept], times[kept])
    if labelled == NEGATIVES:
        arrays = with_negatives(*arrays, seed=bench.protocol.tie_seed)
    return cut(*arrays, windows=windows, start=start, n_users=n_users, n_items=bench.split.n_items, labelled=labelled)


def cut(
    users: np.ndarray, items: np.ndarray, labels: np.ndarray, times: np.ndarray, *, windows: int = 10,
    start: float = 0.5, n_users: int, n_items: int, labelled: str = CLICKS,
) -> Stream:  # fmt: skip
    """The stream of events (N,) in the order of time; see `stream_of`. UserError where times are not in order, and as
    there."""
    if not is_integer(windows, 1) or not 0 < start < 1:
        raise UserError(f"{windows=} is a whole number of at least 1 and {start=} a share between 0 and 1")
    if (np.diff(times) < 0).any():
        raise UserError("the events of a stream must be in the order of time")
    first = max(2, round(windows * start / (1 - start)))
    n = len(times)
    before = np.linspace(0, start * n, first + 1)[:-1]
    places = np.concatenate([before, np.linspace(start * n, n, windows + 1)]).astype(np.int64)
    bounds = places.copy()
    bounds[:-1] = np.searchsorted(times, times[places[:-1]]) if n else 0  # to the first of equal times
    if len(found := np.unique(bounds)) < len(bounds):
        raise UserError(f"{n:,} events at {len(np.unique(times)):,} different times give {len(found) - 1} windows, not "
                        f"{windows} and {first} before them; ask for fewer windows", code=3)  # fmt: skip
    return Stream(users, items, np.asarray(labels, np.float32), times, bounds, first, n_users, n_items, labelled)


def with_negatives(
    users: np.ndarray, items: np.ndarray, labels: np.ndarray, times: np.ndarray, *, seed: int
) -> tuple[np.ndarray, ...]:
    """The positive events (N,), in the order of time, each followed by a negative of the same user and time: the item
    of some earlier event, so about as popular as what is chosen. Nothing later is used. Where DRAWS draws give the
    positive itself, and for the first event, there is none."""
    n = len(items)
    drawn = (named_rng(seed, "sampled negatives").random((n, DRAWS)) * np.arange(n)[:, None]).astype(np.int64)
    others = items[drawn]
    differs = others != items[:, None]
    chosen = others[np.arange(n), differs.argmax(axis=1)]
    keep = np.stack([np.ones(n, bool), differs.any(axis=1)], axis=1).ravel()
    both = np.stack([items, chosen], axis=1).ravel()[keep]
    log.info("every event is positive: a negative is sampled for each from the items of earlier events")
    return (np.repeat(users, 2)[keep], both, np.stack([labels, np.zeros_like(labels)], axis=1).ravel()[keep],
            np.repeat(times, 2)[keep])  # fmt: skip


def _labels(dataset: Dataset, events: Any) -> tuple[np.ndarray, str]:
    """(N,) float32 the labels of events, NaN for none, and where they are from. UserError for clicks that are neither 0
    nor 1."""
    if "click" in events:
        clicks = events["click"].to_numpy(np.float32)
        if not np.isin(clicks, (0, 1)).all():
            raise UserError(f"{dataset.name}: the column click is 0 or 1; it holds {np.unique(clicks)[:3]}", code=3)
        return clicks, CLICKS
    ratings = events["rating"].to_numpy(np.float32, na_value=np.nan) if "rating" in events else np.zeros(0)
    if not np.isfinite(ratings).any():
        return np.ones(len(events), np.float32), NEGATIVES
    if missing := int((~np.isfinite(ratings)).sum()):
        log.warning("%s: %d events have no rating and are left out of the stream", dataset.name, missing)
    liked = LIKED * float(np.nanmax(dataset.interactions["rating"].to_numpy(np.float64, na_value=np.nan)))
    return np.where(np.isfinite(ratings), ratings >= liked, np.nan).astype(np.float32), RATINGS
