"""User sequences and evaluation cases as offsets and items (CSR layout), without one Python list per user."""
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from workbench.data.schema import TIME
from workbench.errors import UserError, unknown_name

NUMBERS = "biuf"  # dtype kinds of event columns: bool, integers, float


class Columns(dict):
    """Named event columns, name -> (N,) numbers. UserError for a name that is not there."""

    def __missing__(self, name: str) -> np.ndarray:
        raise UserError(
            f"{unknown_name('event column', name, self)}. Numeric columns of dataset.interactions arrive here, "
            "such as the ratings or weights that a dataset has; rating=COLUMN of dataset csv names yours",
            code=3,
        )


@dataclass(frozen=True)
class Histories:
    """B histories, oldest event first.

    offsets: (B+1,) int64. items: (N,) int32 ids. users: (B,) int32. columns: named numbers of the events, name -> (N,)
    integers, floats or bools, such as timestamp (seconds) or rating; every selection of events selects them too.
    UserError for a column of another length or without numbers, and for `columns[name]` of a name that is not there.
    """

    offsets: np.ndarray
    items: np.ndarray
    users: np.ndarray
    columns: dict[str, np.ndarray] = field(default_factory=Columns)

    def __post_init__(self) -> None:
        if not isinstance(self.columns, Mapping):
            raise UserError(f"columns is a dict of named arrays, such as {{{TIME!r}: times}}; given "
                            f"{type(self.columns).__name__}", code=3)  # fmt: skip
        columns = Columns({name: np.asarray(values) for name, values in self.columns.items()})
        for name, values in columns.items():
            if values.shape != self.items.shape or values.dtype.kind not in NUMBERS:
                raise UserError(
                    f"event column {name!r} has shape {values.shape} and dtype {values.dtype}; allowed is one number "
                    f"for each of the {len(self.items):,} events, shape {self.items.shape}", code=3,
                )
        object.__setattr__(self, "columns", columns)

    @property
    def times(self) -> np.ndarray | None:
        """(N,) int64 seconds: the column `timestamp`; None where there is none."""
        return self.columns.get(TIME)

    def select(self, offsets: np.ndarray, users: np.ndarray, events: np.ndarray) -> "Histories":
        """Other histories of these events, with every column: the one way to slice, so that no column gets out of step.

        offsets: (B'+1,) of the new histories. users: (B',). events: (N,) bool or (N',) int64 places, in the new order.
        """
        columns = {name: values[events] for name, values in self.columns.items()}
        return Histories(offsets, self.items[events], users, columns)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """(B,) int64 events per history."""
        return np.diff(self.offsets)

    def row(self, index: int) -> np.ndarray:
        """The items of one history (a view)."""
        return self.items[self.offsets[index] : self.offsets[index + 1]]

    def rows(self) -> np.ndarray:
        """(N,) int64: index of the history of each event."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def where(self, keep: np.ndarray) -> "Histories":
        """The same B histories with only the events where `keep` (N,) bool holds."""
        offsets = np.concatenate([[0], np.cumsum(keep, dtype=np.int64)])[self.offsets]
        return self.select(offsets, self.users, keep)

    def take(self, index: np.ndarray) -> "Histories":
        """The histories at `index`, in that order."""
        index = np.asarray(index, np.int64)
        lengths = self.lengths[index]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        at = np.arange(offsets[-1]) + np.repeat(self.offsets[index] - offsets[:-1], lengths)
        return self.select(offsets, self.users[index], at)

    def without_last(self, n: int | np.ndarray) -> "Histories":
        """All but the last n events of each history; n may be (B,)."""
        kept = np.maximum(self.lengths - n, 0)
        return self._cut(kept, [True, False], kept, self.lengths - kept)

    def last(self, n: int | np.ndarray) -> "Histories":
        """At most the last n events of each history; n may be (B,)."""
        kept = np.minimum(self.lengths, n)
        return self._cut(kept, [False, True], self.lengths - kept, kept)

    def _cut(self, kept: np.ndarray, pattern: list[bool], *runs: np.ndarray) -> "Histories":
        """The events in the runs that `pattern` marks, `kept` (B,) of each history.

        A boolean mask over events takes an eighth of the memory of index arrays.
        """
        keep = np.repeat(np.tile(pattern, len(self)), np.stack(runs, axis=1).ravel())
        offsets = np.concatenate([[0], np.cumsum(kept)])
        return self.select(offsets, self.users, keep)

    def windows(self, length: int) -> "Histories":
        """Windows of at most `length` events, cut from the end and overlapping by one event.

        Every event but a user's first is the successor of another exactly once. Histories of one event are dropped.
        """
        stride = length - 1
        n_windows = np.where(self.lengths > 1, -(-(self.lengths - 1) // stride), 0)
        row = np.repeat(np.arange(len(self)), n_windows)
        back = np.arange(len(row)) - np.repeat(np.cumsum(n_windows) - n_windows, n_windows)  # 0: newest
        end = self.offsets[row + 1] - back * stride
        start = np.maximum(self.offsets[row], end - length)
        offsets = np.concatenate([[0], np.cumsum(end - start)])
        at = np.arange(offsets[-1]) + np.repeat(start - offsets[:-1], end - start)
        return self.select(offsets, self.users[row], at)

    def prefixes(self, length: int) -> "Histories":
        """One history for each event but a user's first: at most `length` events ending with it."""
        row = np.repeat(np.arange(len(self)), np.maximum(self.lengths - 1, 0))
        seen = np.arange(len(row)) - np.searchsorted(row, row) + 2  # events up to and including the last one
        end = self.offsets[row] + seen
        start = np.maximum(self.offsets[row], end - length)
        offsets = np.concatenate([[0], np.cumsum(end - start)])
        at = np.arange(offsets[-1]) + np.repeat(start - offsets[:-1], end - start)
        return self.select(offsets, self.users[row], at)

    def padded(self, length: int | None = None) -> np.ndarray:
        """(B, T) int64, right-padded with 0; T is `length` or the longest; longer histories keep their last T."""
        length = int(length if length is not None else self.lengths.max(initial=0))
        recent = self.last(length)
        out = np.zeros((len(self), length), np.int64)
        column = np.arange(len(recent.items)) - np.repeat(recent.offsets[:-1], recent.lengths)
        out[recent.rows(), column] = recent.items
        return out

    def batches(self, size: int, order: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Index arrays of at most `size` histories; by default of similar length, which keeps padding small."""
        order = np.argsort(self.lengths, kind="stable") if order is None else order
        for start in range(0, len(order), size):
            yield order[start : start + size]


class Cases(NamedTuple):
    """Evaluation cases: C histories and the item that came next in each, or a set of items.

    targets: (C,) int32 item ids. times: (C,) int64 seconds of the target, or None. offsets: None where every case has
    one target; else (C+1,) int64, and case c has the targets offsets[c] to offsets[c+1], one or more, of (N,) targets.
    """

    histories: Histories
    targets: np.ndarray
    times: np.ndarray | None = None
    offsets: np.ndarray | None = None

    def take(self, index: np.ndarray) -> "Cases":
        """The cases at `index`."""
        if self.offsets is None:
            times = None if self.times is None else self.times[index]
            return Cases(self.histories.take(index), self.targets[index], times)
        columns = {} if self.times is None else {TIME: self.times}
        sets = Histories(self.offsets, self.targets, self.histories.users, columns).take(index)
        return Cases(self.histories.take(index), sets.items, sets.times, sets.offsets)

    def rows(self) -> np.ndarray:
        """(N,) int64: index of the case of each target."""
        each = np.arange(len(self.histories))
        return each if self.offsets is None else np.repeat(each, np.diff(self.offsets))

    def in_history(self) -> np.ndarray:
        """(N,) bool: whether a target is an item of its own history."""
        width = int(max(self.targets.max(initial=0), self.histories.items.max(initial=0))) + 1
        return np.isin(self.rows() * width + self.targets, self.histories.rows() * width + self.histories.items)

    def one_each(self) -> "Cases":
        """A case for every target, with the history of its set."""
        return self if self.offsets is None else Cases(self.histories.take(self.rows()), self.targets, self.times)


def group_by_user(
    users: np.ndarray, items: np.ndarray, n_users: int, columns: dict[str, np.ndarray] | None = None
) -> Histories:
    """Histories of all users 0..n_users-1, some possibly empty.

    items, columns: (N,) sorted by user, then by order. users: (N,) in any order; only their counts are used.
    """
    offsets = np.concatenate([[0], np.cumsum(np.bincount(users, minlength=n_users))]).astype(np.int64)
    return Histories(offsets, items.astype(np.int32, copy=False), np.arange(n_users, dtype=np.int32), columns or {})
