"""Train, validation and test: user sequences in order, split as the protocol specifies."""
import hashlib
import logging
from dataclasses import dataclass

import numpy as np

from workbench.data.histories import Cases, Histories, group_by_user
from workbench.data.protocol import Protocol
from workbench.data.schema import HELD_OUT, ITEM, MICROSECOND, RAW, ROW, TIME, USER, Dataset
from workbench.errors import UserError

log = logging.getLogger("workbench")


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
    if not protocol.random_order and dataset.order == "none":
        remedy = "order=random" if protocol.split == "ratio" else "split=random"
        raise UserError(f"{dataset.name} has no order to split by ({protocol.split}); use {remedy}", code=3)
    if protocol.split == "global-time" and times is None:
        raise UserError(f"{dataset.name} has no timestamps, so it cannot be split by global time", code=3)
    held_out = _held_out(dataset) if protocol.split == "published" else np.zeros(len(users), bool)
    if protocol.random_order:
        order = np.lexsort((splitmix64(users, items, seed=protocol.tie_seed), held_out, users))
    elif protocol.ties == "file":
        by_row = dataset.order == "sequence" or times is None
        within = () if by_row else within_second
        order = argsort_events(users, None if by_row else times, *within, events[ROW].to_numpy())
    elif times is None:
        raise UserError(f"{dataset.name} has no timestamps, so only its file order can be used: ties=file", code=3)
    else:
        order = argsort_events(users, times, *within_second, splitmix64(users, items, times, seed=protocol.tie_seed))
    if protocol.target_sets:  # of a user's events with one item, the first counts
        pair = (users.astype(np.int64) * (dataset.n_items + 1) + items) * 2 + held_out
        order = order[np.sort(np.unique(pair[order], return_index=True)[1])]
        if len(order) < len(pair):
            log.info("%d events repeat an item of their user and are left out", len(pair) - len(order))
    columns = {name: values[order] for name, values in dataset.event_columns().items()}
    return group_by_user(users[order], items[order], dataset.n_users, columns)


def _held_out(dataset: Dataset) -> np.ndarray:
    """(N,) bool: which events are of the published test set. UserError where none is published."""
    if HELD_OUT not in dataset.interactions:
        raise UserError(f"{dataset.name} has no published test rows; split=published needs them, as dataset cds or "
                        "train-test has", code=3)  # fmt: skip
    return dataset.interactions[HELD_OUT].to_numpy(bool)


def hash_events(dataset: Dataset, sequence: Histories, protocol: Protocol) -> str:
    """Short digest of the ordered events: raw ids, order, times and, where they are given, which are held out."""
    digest = hashlib.sha256()
    for table in (dataset.users, dataset.items):
        digest.update("\n".join(table[RAW].tolist()).encode())
    for array in (sequence.offsets, sequence.items, sequence.times):
        digest.update(b"" if array is None else np.ascontiguousarray(array))
    if protocol.split == "published":
        digest.update(_published_counts(dataset))
    return digest.hexdigest()[:16]


def _published_counts(dataset: Dataset) -> np.ndarray:
    """(U,) int64: distinct items of each user in the published test set."""
    events = dataset.interactions[_held_out(dataset)].drop_duplicates([USER, ITEM])
    return np.bincount(events[USER], minlength=dataset.n_users)


def say_order(dataset: Dataset, protocol: Protocol) -> None:
    """Log how a dataset without timestamps is split, at random or in the order of its rows, and that a published split
    is not used."""
    if HELD_OUT in dataset.interactions and protocol.split != "published":
        log.info("%s has published test rows; split=published evaluates on them, split=%s does not",
                 dataset.name, protocol.split)  # fmt: skip
    if dataset.has_times or protocol.split == "published":
        return
    if protocol.random_order:
        known = "the order of its rows is not used" if dataset.order == "sequence" else (
            'the order of its rows says nothing, unless you do: for your own log in order, the option timestamp="" '
            "(--option timestamp=)")  # fmt: skip
        log.warning("%s has no timestamps and is split at random: %s", dataset.name, known)
    else:
        log.info("%s has no timestamps and is split in the order of its rows", dataset.name)


def split(dataset: Dataset, protocol: Protocol, *, users: int | None = None, events: int | None = None) -> Split:
    """Split a dataset as the protocol specifies. UserError if train, validation or test is empty, or not published.

    users: size of a random sample of users; None keeps all. events: maximum number of events of the sampled users. The
    catalogue keeps all items.
    """
    sequence = user_sequences(dataset, protocol)
    data_hash = hash_events(dataset, sequence, protocol)
    limit = len(sequence) if events is None else max(1, int(np.searchsorted(sequence.offsets, events, "right")) - 1)
    n_users = min(limit, len(sequence) if users is None else users)
    if n_users < len(sequence):
        sequence = sequence.take(np.arange(n_users))  # ids are in hash order, so the first n users are a random sample
    if protocol.target_sets:
        train, valid, test = _target_sets(sequence, *_set_sizes(dataset, sequence.lengths, protocol))
    else:
        train, valid, test = (_global_time if protocol.split == "global-time" else _leave_one_out)(sequence, protocol)
    if not len(test.targets) or not len(valid.targets) or not len(train.items):
        raise UserError(
            f"{dataset.name}: {protocol.split} leaves {len(train.items)} train events, {len(valid.histories)} "
            f"validation and {len(test.histories)} test cases of {len(sequence)} users with {len(sequence.items)} "
            f"events; none may be empty (a test user needs {protocol.min_events} events)", code=3,
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


def _set_sizes(dataset: Dataset, lengths: np.ndarray, protocol: Protocol) -> tuple[np.ndarray, np.ndarray]:
    """(U,) validation and (U,) test items of users with `lengths` (U,) items: shares rounded down, but one at least
    where train keeps one, test before validation (as in RecBole)."""
    train_share, valid_share, test_share = protocol.ratios
    if protocol.split == "published":
        n_test = _published_counts(dataset)[: len(lengths)]
        n_valid = _floor((lengths - n_test) * valid_share / (train_share + valid_share))
        if cold := int(((n_test == lengths) & (n_test > 0)).sum()):
            log.warning("%d users have published test rows and no train rows; they are no test cases", cold)
    else:
        lengths = np.where(lengths >= protocol.min_events, lengths, 0)
        n_test, n_valid = _floor(lengths * test_share), _floor(lengths * valid_share)
        n_test += (n_test == 0) & (lengths - n_valid > 1)
    return n_valid + ((n_valid == 0) & (lengths - n_test > 1)), n_test


def _floor(numbers: np.ndarray) -> np.ndarray:
    return np.floor(numbers + 1e-9).astype(np.int64)  # .29 * 100 is a little less than 29


def _target_sets(sequence: Histories, n_valid: np.ndarray, n_test: np.ndarray) -> tuple[Histories, Cases, Cases]:
    """The last n_test (U,) items of each user are a test case, the n_valid (U,) before them one of validation."""
    known, train = sequence.without_last(n_test), sequence.without_last(n_valid + n_test)

    def cases(history: Histories, whole: Histories, n: np.ndarray) -> Cases:
        rows = np.flatnonzero((n > 0) & (history.lengths > 0))
        sets = whole.last(n).take(rows)
        return Cases(history.take(rows), sets.items, sets.times, sets.offsets)

    return train, cases(train, known, n_valid), cases(known, sequence, n_test)


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
