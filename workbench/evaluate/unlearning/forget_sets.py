"""Which events of train are to be forgotten: whole users or single events, by share or on request.

Rows are places in `split.train`. What is chosen by share follows from hashes of ids, so it is the same at every seed,
and that of a smaller share is part of that of a larger one. Nothing of validation or test can be chosen: what is held
out was never learned.
"""
from collections.abc import Iterable, Sequence

import numpy as np

from workbench.data import Cases, Histories, Split
from workbench.data.splits import splitmix64
from workbench.errors import UserError

EXAMPLES = {"users": "[3, 7]", "events": "[(3, 12)]"}
SEED = 22  # of the hash of events, apart from that of ties
Users = float | Sequence[int]  # a share, or ids
Events = float | Sequence[tuple[int, int]]  # a share, or pairs of a user and an item


def rows_to_forget(split: Split, *, users: Users, events: Events) -> np.ndarray:
    """(n,) sorted rows to forget, by share (`rows_by_share`) or, where one of the two is a list, on request
    (`requested_rows`). UserError as those, and for a list beside a share."""
    listed = [not isinstance(given, int | float) for given in (users, events)]
    if not any(listed):
        return rows_by_share(split.train, users=users, events=events)
    if (users and not listed[0]) or (events and not listed[1]):
        raise UserError(f"{users=} and {events=}: one is a list and the other a share; set the share to 0.0")
    return requested_rows(split, users=users or (), events=events or ())


def rows_by_share(train: Histories, *, users: float, events: float) -> np.ndarray:
    """(n,) sorted rows to forget: a share of the users, all their events, or a share of the events, never all of a
    user's. UserError for a share out of range, for both at once, and where it is nobody, or more than there is."""
    for name, share in (("users", users), ("events", events)):
        if not 0 <= share < 1:
            raise UserError(f"{name}={share} is the share of the {name} to forget: at least 0 and below 1; to name "
                            f"them, give a list, {name}={EXAMPLES[name]}")  # fmt: skip
    if users and events:
        raise UserError(f"{users=} and {events=}: forget whole users, or with users=0.0 single events")
    return rows_of_users(train, users) if users else rows_of_events(train, events)


def rows_of_users(train: Histories, share: float) -> np.ndarray:
    """All events of the first users by id. Ids are a hash of what the log calls them, so these are a random sample."""
    n = round(share * len(train))
    if share and not n:
        raise UserError(f"users={share} of {len(train):,} users is nobody: give a larger share")
    if n == len(train):
        raise UserError(f"users={share} of {len(train):,} users is everybody: give a smaller share")
    return np.arange(train.offsets[n])


def rows_of_events(train: Histories, share: float) -> np.ndarray:
    """The share of the events whose pair of user and item has the lowest hash. Of every user the pair of the highest
    one is kept; events that repeat a pair go with it, so there may be a few more than the share."""
    rows, n = train.rows(), round(share * len(train.items))
    if share and not n:
        raise UserError(f"events={share} of {len(train.items):,} train events is none: give a larger share")
    if not n:
        return np.zeros(0, np.int64)
    key = splitmix64(train.users[rows], train.items, seed=SEED)
    highest = np.zeros(len(train), np.uint64)
    np.maximum.at(highest, rows, key)
    free = np.flatnonzero(key != highest[rows])
    if n > len(free):
        raise UserError(f"events={share} is {n:,} train events; {len(free):,} can be forgotten so that every user "
                        "keeps one: forget whole users, or a smaller share")  # fmt: skip
    return free[key[free] <= np.partition(key[free], n - 1)[n - 1]]


def requested_rows(split: Split, *, users: Iterable[int] = (), events: Iterable[tuple[int, int]] = ()) -> np.ndarray:
    """(n,) sorted rows of what is to be forgotten on request.

    users: ids, all of whose train events are forgotten. events: pairs of a user and an item. UserError for somebody or
    something that is not in train, an event that is held out, the only item of a user, nothing, and everything.
    """
    train = split.train
    users, pairs = _ids("users", users, ()), _ids("events", events, (2,))
    _check_users(train, np.concatenate([users, pairs[:, 0]]))
    of_users = np.isin(train.rows(), users)
    own, width = train.rows() * (split.n_items + 1) + train.items, split.n_items + 1
    wanted = pairs[:, 0] * width + pairs[:, 1]
    in_train = np.isin(wanted, own) & (pairs[:, 1] >= 1) & (pairs[:, 1] < width)  # other ids would be another user's
    for (user, item), found in zip(pairs.tolist(), in_train):
        if not found:
            raise _not_in_train(split, user, item)
    chosen = np.isin(own, wanted)
    left = np.bincount(train.rows()[~chosen], minlength=len(train))
    if len(emptied := np.setdiff1d(pairs[left[pairs[:, 0]] == 0, 0], users)):
        raise UserError(f"user {emptied[0]} has no other item in train: forget the whole user, users=[{emptied[0]}]")
    rows = np.flatnonzero(chosen | of_users)
    if not len(rows):
        raise UserError("nothing is to be forgotten: name users, or events as pairs of a user and an item")
    if len(rows) == len(train.items):
        raise UserError("everything is to be forgotten, which leaves nothing to recommend from: use an untrained model")
    return rows


def _ids(name: str, given: Iterable, each: tuple[int, ...]) -> np.ndarray:
    """(n, *each) what is named, as whole numbers. UserError where it is something else."""
    try:
        found = np.asarray(list(given))
        if not found.size:
            return np.zeros((0, *each), np.int64)
    except (TypeError, ValueError):  # no list, or parts of several lengths
        found = np.zeros(0)
    if found.dtype.kind not in "iu" or found.shape[1:] != each:
        raise UserError(f"{name}={given!r} must be a list of whole numbers, such as {name}={EXAMPLES[name]}")
    return found.astype(np.int64)


def _check_users(train: Histories, users: np.ndarray) -> None:
    for user in users.tolist():
        if not 0 <= user < len(train):
            raise UserError(f"user {user} is not there: users are 0 to {len(train) - 1:,}")
        if not train.lengths[user]:
            raise UserError(f"user {user} has no train event, so there is nothing to forget")


def _not_in_train(split: Split, user: int, item: int) -> UserError:
    """What is wrong with an event that is not in train."""
    for part, cases in (("test", split.test), ("validation", split.valid)):
        own = cases.take(np.flatnonzero(cases.histories.users == user))
        if item in own.targets:
            return UserError(f"item {item} of user {user} is a {part} event: it is held out and was never learned; "
                             "only train events can be forgotten")  # fmt: skip
    return UserError(f"user {user} has no event with item {item} in train, so there is nothing to forget")


def without(histories: Histories, train: Histories, rows: np.ndarray) -> Histories:
    """Histories without what was forgotten: events of the pairs of user and item in rows of train, wherever they
    stand."""
    width = int(max(train.items.max(initial=0), histories.items.max(initial=0))) + 1
    forgotten = train.users[train.rows()[rows]].astype(np.int64) * width + train.items[rows]
    own = histories.users[histories.rows()].astype(np.int64) * width + histories.items
    return histories.where(~np.isin(own, forgotten))


def whole_users(train: Histories, rows: np.ndarray) -> np.ndarray:
    """(m,) ids of the users of whom every train event is in rows."""
    forgotten = np.bincount(train.rows()[rows], minlength=len(train))
    return np.flatnonzero((forgotten > 0) & (forgotten == train.lengths))


def event_cases(train: Histories, rows: np.ndarray, longest: int = 200) -> Cases:
    """One case for each event in rows (n,) of train: at most `longest` events before it, and its item."""
    user = np.searchsorted(train.offsets, rows, side="right") - 1
    start = np.maximum(train.offsets[user], rows - longest)
    offsets = np.concatenate([[0], np.cumsum(rows - start)])
    at = np.arange(offsets[-1]) + np.repeat(start - offsets[:-1], rows - start)
    return Cases(train.select(offsets, train.users[user], at), train.items[rows])
