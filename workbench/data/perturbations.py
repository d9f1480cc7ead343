"""Perturbed histories: shuffled, reversed, or with the earlier items of another user.

Items move, and columns such as rating with them. Timestamps keep their positions, so they stay sorted.
"""
from dataclasses import replace

import numpy as np

from workbench.data.histories import Histories
from workbench.data.schema import TIME
from workbench.errors import UserError

SECONDS_PER_DAY = 86_400  # seconds


def shuffled(histories: Histories, rng: np.random.Generator, *, keep_last: int = 0) -> Histories:
    """Each history in random order, except for the last `keep_last` events, which keep their positions."""
    age = histories.offsets[1:][histories.rows()] - np.arange(len(histories.items))  # 1 for the newest event
    return _sorted_within(histories, _is_first(histories) | (age <= keep_last), rng.random(len(age)))


def shuffled_within_days(histories: Histories, rng: np.random.Generator) -> Histories:
    """Each history with the events of the same day (UTC) in random order.

    UserError without timestamps, or where no history has two consecutive events on one day.
    """
    if histories.times is None:
        raise UserError("the histories have no timestamps, so they cannot be shuffled within days", code=3)
    day = histories.times // SECONDS_PER_DAY
    starts = _is_first(histories)
    starts[1:] |= day[1:] != day[:-1]
    if starts.all():
        raise UserError("no history has two consecutive events on one day, so there is nothing to shuffle", code=3)
    return _sorted_within(histories, starts, rng.random(len(day)))


def reversed_order(histories: Histories) -> Histories:
    """Each history in reverse order, from its newest event to its oldest."""
    return _sorted_within(histories, _is_first(histories), -np.arange(len(histories.items)))


def swapped_prefixes(histories: Histories, rng: np.random.Generator) -> Histories:
    """Each history with its own last item, preceded by the items before the last one of another user's history.

    The donor is the next history in ascending order of length, ties in random order, so it is at least as long, and its
    newest events are taken. The longest history takes from the one before it and is truncated where that is shorter.
    UserError where there is only one history.
    """
    n = len(histories)
    if n < 2:
        raise UserError("there is only one history, so there is no other user's to swap in", code=3)
    by_length = np.lexsort((rng.random(n), histories.lengths))
    donor = np.empty(n, np.int64)
    donor[by_length] = np.append(by_length[1:], by_length[-2])
    lengths = np.minimum(histories.lengths, histories.lengths[donor])
    own, others = histories.last(lengths), histories.take(donor).last(lengths)
    events = np.arange(len(own.items)) + len(own.items)  # of the other user, in the rows of both
    last = own.offsets[1:][lengths > 0] - 1
    events[last] = last
    both = {name: np.concatenate([values, others.columns[name]]) for name, values in own.columns.items()}
    both = Histories(np.zeros(1, np.int64), np.concatenate([own.items, others.items]), own.users[:0], both)
    return _timed_as(own, both.select(own.offsets, own.users, events))


def is_changed(histories: Histories, perturbed: Histories) -> np.ndarray:
    """(B,) bool: which histories differ from their `perturbed` version, in length or in the item at some position."""
    changed = histories.lengths != perturbed.lengths
    same = np.flatnonzero(~changed)
    own, other = histories.take(same), perturbed.take(same)
    changed[same] = np.bincount(own.rows()[own.items != other.items], minlength=len(same)) > 0
    return changed


def _is_first(histories: Histories) -> np.ndarray:
    """(N,) bool: the oldest event of each history."""
    starts = np.zeros(len(histories.items), bool)
    starts[histories.offsets[:-1][histories.lengths > 0]] = True
    return starts


def _sorted_within(histories: Histories, starts: np.ndarray, key: np.ndarray) -> Histories:
    """Events sorted by `key` within blocks; `starts` (N,) marks the first event of each block."""
    order = np.lexsort((key, np.cumsum(starts)))
    return _timed_as(histories, histories.select(histories.offsets, histories.users, order))


def _timed_as(histories: Histories, perturbed: Histories) -> Histories:
    """The perturbed histories with the timestamps of the original ones."""
    times = {} if histories.times is None else {TIME: histories.times}
    return replace(perturbed, columns=perturbed.columns | times)
