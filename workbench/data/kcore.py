"""The k-core of a log: what remains after repeatedly removing users and items with fewer than k events."""
from collections import deque
from collections.abc import Iterator

import numpy as np


def k_core(users: np.ndarray, items: np.ndarray, k: int) -> np.ndarray:
    """(N,) bool: the events of the k-core, which does not depend on the order of removal.

    users, items: (N,) integer codes from 0.

    >>> k_core(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 1]), 2)
    array([ True,  True,  True,  True, False])
    """
    last = deque(pruning_rounds(users, items, k), maxlen=1)
    return last[0] if last else np.ones(len(users), bool)


def pruning_rounds(users: np.ndarray, items: np.ndarray, k: int) -> Iterator[np.ndarray]:
    """(N,) bool, the events kept after each pruning round; the last is the k-core.

    A round removes users and items together; counts are updated from the removed events only.
    """
    user_events, item_events = np.bincount(users), np.bincount(items)
    kept = np.ones(len(users), bool)
    while True:
        keep = (user_events >= k)[users]
        keep &= (item_events >= k)[items]
        removed = np.flatnonzero(kept ^ keep)
        if not len(removed):
            return
        user_events -= np.bincount(users[removed], minlength=len(user_events))
        item_events -= np.bincount(items[removed], minlength=len(item_events))
        kept = keep
        yield kept
