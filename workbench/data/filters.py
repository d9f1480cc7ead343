"""The filters by which published benchmarks were made: what is kept of a log, one small rule at a time.

Every rule takes an Ordered log and returns (N,) bool, the events that stay. Users and items are codes from 0.
"""
from typing import NamedTuple

import numpy as np

from workbench.data.kcore import k_core
from workbench.errors import UserError


class Ordered(NamedTuple):
    """A log sorted by user and, within a user, by what came first.

    users, items: (N,) codes. times: (N,) int64 seconds, ratings: (N,) float, None where the log has none.
    """

    users: np.ndarray
    items: np.ndarray
    times: np.ndarray | None = None
    ratings: np.ndarray | None = None

    def take(self, kept: np.ndarray) -> "Ordered":
        """The events where `kept` (N,) bool holds, in the same order."""
        return Ordered(*(None if column is None else column[kept] for column in self))


def least_rating(log: Ordered, least: float) -> np.ndarray:
    """Events rated at least so much. UserError without ratings."""
    if log.ratings is None:
        raise UserError(f"this filter keeps ratings of at least {least}, and the log has no column `rating`", code=3)
    return log.ratings >= least


def since(log: Ordered, second: int) -> np.ndarray:
    """Events at that second (since 1970) or later. UserError without times."""
    if log.times is None:
        raise UserError("this filter keeps events after a date, and the log has no column `timestamp`", code=3)
    return log.times >= second


def core(log: Ordered, k: int) -> np.ndarray:
    """The k-core: users and items with fewer than k events go, until none is left that has."""
    return k_core(log.users, log.items, k) if len(log.users) else np.zeros(0, bool)


def core_once(log: Ordered, k: int) -> np.ndarray:
    """One pass: events whose user and item both have k events in the log as given. What stays may have fewer."""
    return (np.bincount(log.users) >= k)[log.users] & item_core(log, k)


def item_core(log: Ordered, k: int) -> np.ndarray:
    """Events of items that have at least k."""
    return (np.bincount(log.items) >= k)[log.items]


def least_events(log: Ordered, n: int) -> np.ndarray:
    """Events of users who have at least n."""
    return (np.bincount(log.users) >= n)[log.users]


def collapse(log: Ordered) -> np.ndarray:
    """All but events on the item of the event before."""
    same = (log.users[1:] == log.users[:-1]) & (log.items[1:] == log.items[:-1])
    return np.concatenate([[True], ~same])[: len(log.users)]


def first_each(log: Ordered) -> np.ndarray:
    """The first event of every user with every item."""
    pairs = log.users.astype(np.int64) * (int(log.items.max(initial=0)) + 1) + log.items
    kept = np.zeros(len(pairs), bool)
    kept[np.unique(pairs, return_index=True)[1]] = True
    return kept


def last(log: Ordered, n: int) -> np.ndarray:
    """The last n events of every user."""
    ends = np.cumsum(np.bincount(log.users))[log.users]
    return np.arange(len(log.users)) >= ends - n


FILTERS = {
    rule.__name__: rule
    for rule in (least_rating, since, core, core_once, item_core, least_events, collapse, first_each, last)
}
