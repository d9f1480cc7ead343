"""The preprocessing filters of published benchmarks, one function each.

Every filter takes an OrderedLog and returns (N,) bool, the events to keep. Users and items are codes from 0.
"""
from typing import NamedTuple

import numpy as np

from workbench.data.kcore import k_core
from workbench.errors import UserError


class OrderedLog(NamedTuple):
    """A log sorted by user and, within a user, from oldest to newest event.

    users, items: (N,) codes. times: (N,) int64 seconds, ratings: (N,) float, None where the log has none.
    """

    users: np.ndarray
    items: np.ndarray
    times: np.ndarray | None = None
    ratings: np.ndarray | None = None

    def take(self, kept: np.ndarray) -> "OrderedLog":
        """The events where `kept` (N,) bool holds, in the same order."""
        return OrderedLog(*(None if column is None else column[kept] for column in self))


def min_rating(log: OrderedLog, minimum: float) -> np.ndarray:
    """Events with a rating of at least `minimum`. UserError without ratings."""
    if log.ratings is None:
        raise UserError(f"this filter keeps ratings of at least {minimum}, and the log has no column `rating`", code=3)
    return log.ratings >= minimum


def min_timestamp(log: OrderedLog, second: int) -> np.ndarray:
    """Events at Unix time `second` or later. UserError without timestamps."""
    if log.times is None:
        raise UserError("this filter keeps events after a date, and the log has no column `timestamp`", code=3)
    return log.times >= second


def iterative_k_core(log: OrderedLog, k: int) -> np.ndarray:
    """The k-core: users and items with fewer than k events are removed repeatedly until none is left."""
    return k_core(log.users, log.items, k) if len(log.users) else np.zeros(0, bool)


def single_pass_k_core(log: OrderedLog, k: int) -> np.ndarray:
    """Single pass: events whose user and item both have k events in the input. Afterwards they may have fewer."""
    return (np.bincount(log.users) >= k)[log.users] & min_item_events(log, k)


def min_item_events(log: OrderedLog, k: int) -> np.ndarray:
    """Events of items with at least k events."""
    return (np.bincount(log.items) >= k)[log.items]


def min_user_events(log: OrderedLog, n: int) -> np.ndarray:
    """Events of users with at least n events."""
    return (np.bincount(log.users) >= n)[log.users]


def drop_consecutive_repeats(log: OrderedLog) -> np.ndarray:
    """Events whose item differs from the user's previous one."""
    same = (log.users[1:] == log.users[:-1]) & (log.items[1:] == log.items[:-1])
    return np.concatenate([[True], ~same])[: len(log.users)]


def first_user_item_event(log: OrderedLog) -> np.ndarray:
    """The first event of each user-item pair."""
    pairs = log.users.astype(np.int64) * (int(log.items.max(initial=0)) + 1) + log.items
    first = np.zeros(len(pairs), bool)
    first[np.unique(pairs, return_index=True)[1]] = True
    return first


def last_events(log: OrderedLog, n: int) -> np.ndarray:
    """The last n events of every user."""
    ends = np.cumsum(np.bincount(log.users))[log.users]
    return np.arange(len(log.users)) >= ends - n


FILTERS = {
    function.__name__: function
    for function in (
        min_rating, min_timestamp, iterative_k_core, single_pass_k_core, min_item_events, min_user_events,
        drop_consecutive_repeats, first_user_item_event, last_events,
    )
}
