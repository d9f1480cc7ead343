"""Histories read otherwise than they happened: cut, put in another order, or with another user's past.

Only items move. Times stay at their places, so that what reads them still finds them in order.
"""
from dataclasses import replace

import numpy as np

from workbench.data.histories import Histories
from workbench.errors import UserError

DAY = 86_400  # seconds


def shuffled(histories: Histories, rng: np.random.Generator, *, keep_last: int = 0) -> Histories:
    """The events of each history in random order, all but the last `keep_last`, which stay."""
    age = histories.offsets[1:][histories.rows()] - np.arange(len(histories.items))  # 1 for the newest
    return _ordered(histories, _first(histories) | (age <= keep_last), rng.random(len(age)))


def shuffled_within_days(histories: Histories, rng: np.random.Generator) -> Histories:
    """Events of one history that follow each other on one day (UTC) in random order. UserError where there are no
    times, or no two such events."""
    if histories.times is None:
        raise UserError("the histories have no times, so nothing can be shuffled within a day", code=3)
    day = histories.times // DAY
    starts = _first(histories)
    starts[1:] |= day[1:] != day[:-1]
    if starts.all():
        raise UserError("no history has two events in a row on one day, so there is nothing to shuffle", code=3)
    return _ordered(histories, starts, rng.random(len(day)))


def backwards(histories: Histories) -> Histories:
    """Each history from its newest event to its oldest."""
    return _ordered(histories, _first(histories), -np.arange(len(histories.items)))


def swapped(histories: Histories, rng: np.random.Generator) -> Histories:
    """Each history with its last item, and before it what another history has before its own last item.

    Histories are lined up by length, equal ones in random order, and each takes from the next; so the other is as long
    or the next longer one, of which the newest events are taken. The longest takes from the one before it and is cut
    where that is shorter. UserError where there is no other history.
    """
    n = len(histories)
    if n < 2:
        raise UserError("there is one history only, so no other user's can be put in its place", code=3)
    line = np.lexsort((rng.random(n), histories.lengths))
    donor = np.empty(n, np.int64)
    donor[line] = np.append(line[1:], line[-2])
    kept = np.minimum(histories.lengths, histories.lengths[donor])
    own, items = histories.last(kept), histories.take(donor).last(kept).items
    last = own.offsets[1:][kept > 0] - 1
    items[last] = own.items[last]
    return replace(own, items=items)


def differs(histories: Histories, read: Histories) -> np.ndarray:
    """(B,) bool: which of the histories `read` shows otherwise, in length or in an item at some place."""
    found = histories.lengths != read.lengths
    same = np.flatnonzero(~found)
    own, other = histories.take(same), read.take(same)
    found[same] = np.bincount(own.rows()[own.items != other.items], minlength=len(same)) > 0
    return found


def _first(histories: Histories) -> np.ndarray:
    """(N,) bool: the oldest event of each history."""
    starts = np.zeros(len(histories.items), bool)
    starts[histories.offsets[:-1][histories.lengths > 0]] = True
    return starts


def _ordered(histories: Histories, starts: np.ndarray, key: np.ndarray) -> Histories:
    """Events sorted by `key` within blocks; `starts` (N,) marks where a block begins."""
    return replace(histories, items=histories.items[np.lexsort((key, np.cumsum(starts)))])
