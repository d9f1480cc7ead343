"""The k-core of a log: what remains when users and items with fewer than k events are taken out until none is left."""
from collections import deque
from collections.abc import Iterator

import numpy as np


def k_core(users: np.ndarray, items: np.ndarray, k: int) -> np.ndarray:
    """(N,) bool: the events of the k-core, which is unique whatever the order of removal.

    users, items: (N,) integer codes from 0.

    >>> k_core(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 1]), 2)
    array([ True,  True,  True,  True, False])
    """
    last = deque(rounds(users, items, k), maxlen=1)
    return last[0] if last else np.ones(len(users), bool)


def rounds(users: np.ndarray, items: np.ndarray, k: int) -> Iterator[np.ndarray]:
    """(N,) bool after each round that took something out; the last is the k-core.

    Both sides are thinned in the same round, and only what goes is counted.
    """
    user_events, item_events = np.bincount(users), np.bincount(items)
    kept = np.ones(len(users), bool)
    while True:
        stays = (user_events >= k)[users]
        stays &= (item_events >= k)[items]
        gone = np.flatnonzero(kept ^ stays)
        if not len(gone):
            return
        user_events -= np.bincount(users[gone], minlength=len(user_events))
        item_events -= np.bincount(items[gone], minlength=len(item_events))
        kept = stays
        yield kept
