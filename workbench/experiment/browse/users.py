"""One test user at a time: which users are typical, and a user's events with the part of the split each belongs to."""
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import UserError, is_integer


def typical_users(bench: Any, n: int = 50) -> np.ndarray:
    """(n,) ids of test users with histories of medium length (40 to 80 % quantile), in the order of hashed ids.
    UserError if n is not a whole number from 1."""
    if not is_integer(n, 1):
        raise UserError(f"n={n!r}: how many users are listed, a whole number from 1")
    histories = bench.split.test.histories
    low, high = np.quantile(histories.lengths, [0.4, 0.8])
    return histories.users[(histories.lengths >= low) & (histories.lengths <= high)][:n]


def row_of_user(bench: Any, user: int) -> int:
    """The row of a user among the test cases. UserError if the user has no test case."""
    rows = np.flatnonzero(bench.split.test.histories.users == user)
    if not len(rows):
        raise UserError(f"user {user} has no test case; bench.typical_users() lists some that have")
    return int(rows[0])


def user_events(bench: Any, user: int) -> pd.DataFrame:
    """A test user's events, oldest first: title, part and, if the log has timestamps, time.

    part: train, validation, test, or "history only" for an event that is read at test time but never trained on.
    UserError if the user has no test case.
    """
    split, row = bench.split, row_of_user(bench, user)
    test, valid = split.test.histories, split.valid.histories
    targets, own = split.test.take(np.array([row])), split.valid.take(np.flatnonzero(valid.users == user))
    items = np.append(test.row(row), targets.targets)
    in_train = np.arange(len(items)) < int(split.train.lengths[user])
    part = np.where(in_train, "train", "history only").astype(object)
    part[np.arange(len(own.targets)) + own.histories.lengths.sum()] = "validation"
    part[-len(targets.targets) :] = "test"
    frame = pd.DataFrame({"title": bench.dataset.titles(items), "part": part})
    if test.times is not None:
        times = np.append(targets.histories.times, targets.times)
        frame["time"] = pd.to_datetime(times, unit="s")
    return frame.set_index(pd.RangeIndex(1, len(frame) + 1, name="event"))
