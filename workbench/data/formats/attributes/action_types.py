"""Events with the type of what was done (shown, clicked, converted), and targets that are never merely shown."""
import numpy as np

ACTION = "action"  # event column: 0 shown, 1 clicked, 2 the most valued action of the log
EXPOSED, CLICKED, CONVERTED = 0, 1, 2


def with_positive_ends(users: np.ndarray, times: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """(N,) bool, the events to keep so that leave-one-out holds out two positive events of every user: all positive
    ones, and others from before the last but one of the positive events. Of a user with fewer than two positive events
    nothing is kept.

    users: (N,) integers from 0, in any order. times: (N,). positive: (N,) bool. At the very time of the last but one
    only positive events are kept, so the ends are positive however ties are broken.

    >>> with_positive_ends(np.array([0, 0, 0, 0, 0, 1]), np.arange(6), np.array([0, 1, 0, 1, 0, 1], bool)).tolist()
    [True, True, False, True, False, False]
    """
    order = np.flatnonzero(positive)
    order = order[np.lexsort((times[order], users[order]))]
    counts = np.bincount(users[order], minlength=int(users.max(initial=-1)) + 1)
    two = counts >= 2
    least = np.zeros(len(counts), times.dtype)
    least[two] = times[order][np.cumsum(counts)[two] - 2]
    return two[users] & (positive | (times < least[users]))
