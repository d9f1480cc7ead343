"""Windows of time in which items are available, and which items are live at given times, found by search."""
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from workbench.data import Dataset
from workbench.data.tables import required_table
from workbench.errors import UserError

AT_ONCE = 1 << 24  # windows examined at a time


@dataclass(frozen=True)
class LiveWindows:
    """W windows: item items[w] is live from starts[w] to before ends[w].

    items: (W,) int, ids or anything else from 0. starts, ends: (W,) int64 of one unit of time, given in any order and
    kept by start. Of one item windows may overlap. UserError for arrays of unlike length, no window, or one that ends
    at or before its start.
    """

    items: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    def __post_init__(self) -> None:
        items, starts, ends = (np.asarray(array) for array in (self.items, self.starts, self.ends))
        if not len(items) or not items.shape == starts.shape == ends.shape:
            raise UserError(f"windows need an item, a start and an end each; given {items.shape}, {starts.shape} and "
                            f"{ends.shape}", code=3)  # fmt: skip
        if (wrong := ~(ends > starts)).any():  # a missing end too
            first = int(wrong.argmax())
            raise UserError(f"{int(wrong.sum()):,} of {len(items):,} windows end at or before their start, such as "
                            f"that of item {items[first]}, {starts[first]} to {ends[first]}", code=3)  # fmt: skip
        order = np.argsort(starts, kind="stable")
        arrays = (items[order], starts[order].astype(np.int64), ends[order].astype(np.int64))
        for name, array in zip(("items", "starts", "ends"), arrays):
            object.__setattr__(self, name, array)

    @cached_property
    def _latest_end(self) -> np.ndarray:
        """(W,) the latest end of a window and all that started before it, ascending."""
        return np.maximum.accumulate(self.ends)

    def between(self, first: int, last: int) -> np.ndarray:
        """Places of the windows that are open at some time from first to last, both included, ascending."""
        low = np.searchsorted(self._latest_end, first, "right")  # all before have ended
        high = np.searchsorted(self.starts, last, "right")
        return low + np.flatnonzero(self.ends[low:high] > first)

    def candidates(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Offsets (C+1,) int64 and the distinct items, ascending, that are live at each of times (C,).

        >>> live = LiveWindows(np.array([3, 1, 3]), np.array([0, 2, 9]), np.array([5, 4, 12]))
        >>> offsets, items = live.candidates(np.array([1, 3, 5]))
        >>> offsets.tolist(), items.tolist()
        ([0, 1, 3, 3], [3, 1, 3])
        """
        times = np.asarray(times, np.int64)
        low = np.searchsorted(self._latest_end, times, "right")
        lengths = np.maximum(np.searchsorted(self.starts, times, "right") - low, 0)
        parts, width, start = [], int(self.items.max()) + 1, 0
        reach = np.cumsum(lengths)
        while start < len(times):
            before = reach[start - 1] if start else 0
            end = max(start + 1, int(np.searchsorted(reach, before + AT_ONCE, "right")))
            of = np.repeat(np.arange(start, end), lengths[start:end])
            at = low[of] + np.arange(len(of)) - np.repeat(reach[start:end] - lengths[start:end] - before,
                                                          lengths[start:end])  # fmt: skip
            live = self.ends[at] > times[of]
            parts.append(np.unique(of[live] * width + self.items[at[live]]))
            start = end
        pairs = np.concatenate([np.zeros(0, np.int64), *parts])
        counts = np.bincount(pairs // width, minlength=len(times))
        return np.concatenate([[0], np.cumsum(counts)]), pairs % width

    @cached_property
    def _of_item(self) -> tuple[np.ndarray, np.ndarray]:
        """(W,) keys of starts, ascending by item, and of the latest end among those of an item so far."""
        order = np.argsort(self.items, kind="stable")
        base = self.items[order].astype(np.int64) * self._span
        first = self.starts[0]
        return base + self.starts[order] - first, np.maximum.accumulate(base + self.ends[order] - first)

    @property
    def _span(self) -> int:
        return int(self._latest_end[-1] - self.starts[0]) + 1

    def is_live(self, items: np.ndarray, times: np.ndarray) -> np.ndarray:
        """(C,) bool: whether each of items (C,) is live at its time (C,)."""
        starts, ends = self._of_item
        key = np.asarray(items, np.int64) * self._span + np.asarray(times, np.int64) - self.starts[0]
        inside = (times >= self.starts[0]) & (times < self._latest_end[-1])
        at = np.searchsorted(starts, key, "right") - 1
        return inside & (at >= 0) & (ends[np.maximum(at, 0)] > key)


def live_windows(dataset: Dataset) -> LiveWindows:
    """The windows of the table `live` (item, start, end) of a dataset, in seconds. UserError (code 3) without one."""
    table = required_table(dataset, "live")
    return LiveWindows(*(table[name].to_numpy() for name in ("item", "start", "end")))
