"""Train, validation and test: user sequences in order, split as the protocol specifies."""
import hashlib
import logging
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from workbench.data.histories import Histories, group_by_user
from workbench.data.protocol import Protocol
from workbench.data.schema import ITEM, MICROSECOND, RAW, ROW, TIME, USER, Dataset
from workbench.errors import UserError

log = logging.getLogger("workbench")


class Cases(NamedTuple):
    """Evaluation cases: C histories and the item that came next in each.

    targets: (C,) int32 item ids. times: (C,) int64 seconds of the target, or None.
    """

    histories: Histories
    targets: np.ndarray
    times: np.ndarray | None = None

    def take(self, index: np.ndarray) -> "Cases":
        """The cases at `index`."""
        times = None if self.times is None else self.times[index]
        return Cases(self.histories.take(index), self.targets[index], times)


@dataclass(frozen=True)
class Split:
    """Train histories of every user (some may be empty), validation and test cases, protocol and data hash."""

    train: Histories
    valid: Cases
    test: Cases
    n_users: int
    n_items: int
    protocol: Protocol
    data_hash: str

    def train_counts(self) -> np.ndarray:
        """(I+1,) int64: frequency of each item in train."""
        return np.bincount(self.train.items, minlength=self.n_items + 1)


def splitmix64(*columns: np.ndarray, seed: int = 0) -> np.ndarray:
    """(n,) uint64: SplitMix64 over integer columns; the seeded hash that orders events with tied timestamps."""
    state = np.full(len(columns[0]), np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15), np.uint64)
    for column in columns:
        state ^= column.astype(np.int64).view(np.uint64)
        state *= np.uint64(0xBF58476D1CE4E5B9)
        state ^= state >> np.uint64(27)
        state *= np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
    return state


def argsort_events(users: np.ndarray, times: np.ndarray | None, *ties: np.ndarray) -> np.ndarray:
    """(N,) indices that sort events by (user, time, ties), the first of the ties before the next.

    One packed key is sorted, then only the runs of equal keys: several times faster than a three-key sort, with the
    same result.
    """
    if times is None:
        return np.lexsort((*ties[::-1], users))
    first, last = int(times.min()), int(times.max())
    span = last - first + 1
    if (int(users.max(initial=0)) + 1) * span >= 2**63:
        return np.lexsort((*ties[::-1], times, users))
    key = users.astype(np.int64)  # in place from here on, to save memory at ten million events
    key *= span
    key += times
    key -= first
    order = np.argsort(key)
    key = key[order]
    same = key[1:] == key[:-1]
    tied = np.flatnonzero(np.concatenate([same, [False]]) | np.concatenate([[False], same]))
    order[tied] = order[tied][np.lexsort((*(tie[order[tied]] for tie in ties[::-1]), key[tied]))]
    return order


def user_sequences(dataset: Dataset, protocol: Protocol) -> Histories:
    """All events of every user in the order of the protocol. UserError where the data does not allow that order."""
    events = dataset.interactions
    users, items = events[USER].to_numpy(), events[ITEM].to_numpy()
    times = events[TIME].to_numpy(np.int64) if dataset.has_times else None
    within_second = [events[MICROSECOND].to_numpy()] if MICROSECOND in events else []
    if protocol.split != "random" and dataset.order == "none":
        raise UserError(f"{dataset.name} has no order to split by ({protocol.split}); use split=random", code=3)
    if protocol.split == "global-time" and times is None:
        raise UserError(f"{dataset.name} has no timestamps, so it cannot be split by global time", code=3)
    if protocol.split == "random":
        order = np.lexsort((splitmix64(users, items, seed=protocol.tie_seed), users))
    elif protocol.ties == "file":
        by_row = dataset.order == "sequence" or times is None
        within = () if by_row else within_second
        order = argsort_events(users, None if by_row else times, *within, events[ROW].to_numpy())
    elif times is None:
        raise UserError(f"{dataset.name} has no timestamps, so only its file order can be used: ties=file", code=3)
    else:
        order = argsort_events(users, times, *within_second, splitmix64(users, items, times, seed=protocol.tie_seed))
    return group_by_user(users, items[order], dataset.n_users, None if times is None else times[order])


def hash_events(dataset: Dataset, sequence: Histories) -> str:
    """Short digest of the ordered events: raw ids, order and times."""
    digest = hashlib.sha256()
    for table in (dataset.users, dataset.items):
        digest.update("\n".join(table[RAW].tolist()).encode())
    for array in (sequence.offsets, sequence.items, sequence.times):
        digest.update(b"" if array is None else np.ascontiguousarray(array))
    return digest.hexdigest()[:16]


def say_order(dataset: Dataset, protocol: Protocol) -> None:
    """Log how a dataset without timestamps is split: at random, or in the order of its rows."""
    if dataset.has_times:
        return
    if protocol.split == "random":
        known = "the order of its rows is not used" if dataset.order == "sequence" else (
            'the order of its rows says nothing, unless you do: for your own log in order, the option timestamp="" '
            "(--option timestamp=)")  # fmt: skip
        log.warning("%s has no timestamps and is split at random: %s", dataset.name, known)
    else:
        log.info("%s has no timestamps and is split in the order of its rows", dataset.name)


def split(dataset: Dataset, protocol: Protocol, *, users: int | None = None, events: int | None = None) -> Split:
    """Split a dataset as the protocol specifies. UserError if train, validation or test is empty.

    users: size of a random sample of users; None keeps all. events: maximum number of events of the sampled users. The
    catalogue keeps all items.
    """
    sequence = user_sequences(dataset, protocol)
    data_hash = hash_events(dataset, sequence)
    limit = len(sequence) if events is None else max(1, int(np.searchsorted(sequence.offsets, events, "right")) - 1)
    n_users = min(limit, len(sequence) if users is None else users)
    if n_users < len(sequence):
        sequence = sequence.take(np.arange(n_users))  # ids are in hash order, so the first n users are a random sample
    cut = _global_time if protocol.split == "global-time" else _leave_one_out
    train, valid, test = cut(sequence, protocol)
    if not len(test.targets) or not len(valid.targets) or not len(train.items):
        raise UserError(
            f"{dataset.name}: {protocol.split} leaves {len(train.items)} train events, {len(valid.targets)} validation "
            f"and {len(test.targets)} test cases of {len(sequence)} users with {len(sequence.items)} events; none may "
            f"be empty (a test user needs {protocol.min_events} events)", code=3,
        )
    return Split(train, valid, test, len(sequence), dataset.n_items, protocol, data_hash)


def _leave_one_out(sequence: Histories, protocol: Protocol) -> tuple[Histories, Cases, Cases]:
    """Test = last, validation = last but one; users shorter than min_events are train-only."""
    evaluated = np.flatnonzero(sequence.lengths >= protocol.min_events)
    if len(evaluated) < len(sequence):
        n_short = len(sequence) - len(evaluated)
        log.info("%d users with fewer than %d events are train-only", n_short, protocol.min_events)
    train = sequence.without_last(np.where(sequence.lengths >= protocol.min_events, 2, 0))
    everyone = len(evaluated) == len(sequence)  # then the validation histories are the train histories
    histories = [train, sequence] if everyone else [train.take(evaluated), sequence.take(evaluated)]
    ends = sequence.offsets[1:][evaluated]

    def held_out(n: int, history: Histories) -> Cases:
        times = None if sequence.times is None else sequence.times[ends - n]
        return Cases(history, sequence.items[ends - n], times)

    return train, held_out(2, histories[0]), held_out(1, histories[1].without_last(1))


def _global_time(sequence: Histories, protocol: Protocol) -> tuple[Histories, Cases, Cases]:
    """Train: events before the first cut. Target: a user's last event in each window; history: all events before it."""
    first, second = np.quantile(sequence.times, protocol.cuts, method="lower")
    position = np.arange(len(sequence.items))

    def window(start: float, end: float) -> Cases:
        inside = np.where((sequence.times >= start) & (sequence.times < end), position, -1)
        non_empty = np.flatnonzero(sequence.lengths > 0)
        last = np.maximum.reduceat(inside, sequence.offsets[non_empty])
        has_history = last > sequence.offsets[non_empty]
        evaluated, at = non_empty[has_history], last[has_history]
        sequences = sequence.take(evaluated)
        end = sequences.offsets[:-1] + at - sequence.offsets[evaluated]
        before = np.arange(len(sequences.items)) < np.repeat(end, sequences.lengths)
        return Cases(sequences.where(before), sequence.items[at], sequence.times[at])

    return sequence.where(sequence.times < first), window(first, second), window(second, np.inf)
