"""What to do where full codes collide: nothing (and say so in the metrics), a further digit, or the next free code."""
import logging
from collections.abc import Callable

import numpy as np

log = logging.getLogger("workbench")
CROWD = 256  # more items of one code than a level has codes
Distances = Callable[[np.ndarray], np.ndarray]


def dedup(codes: np.ndarray, sizes: tuple[int, ...]) -> tuple[np.ndarray, tuple[int, ...]]:
    """(I, L+1) codes and their sizes: a digit that numbers the items of a group, in the order of their ids, which are
    ranks of a seeded hash. Codes that are unique already are left as they are: a digit would only cost a step."""
    _, group, size = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
    if size.max() == 1:
        return codes, tuple(sizes)
    if size.max() > CROWD:
        log.warning("%d items share one code: a digit alone tells them apart, and nobody can learn it", size.max())
    order = np.argsort(group.ravel(), kind="stable")
    digit = np.empty(len(codes), codes.dtype)
    digit[order] = np.arange(len(codes)) - np.repeat(np.cumsum(size) - size, size)
    return np.column_stack([codes, digit]), (*sizes, int(size.max()))


def nearest(codes: np.ndarray, sizes: tuple[int, ...], distances: Distances) -> np.ndarray:
    """(I, L) codes in which a colliding item takes the nearest last code that is free under its prefix; the item that
    fits its code best keeps it, and the others choose in the order of their fit.

    distances: for items (n,), 0-based, (n, K) squared distances of their last residuals to the last level's codes.
    Where a prefix has more items than codes the rest stay together, and a warning says how many.
    """
    _, group, size = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
    at = np.flatnonzero(size[group.ravel()] > 1)
    if not len(at):
        return codes
    out, far = codes.copy(), distances(at)
    own = np.take_along_axis(far, codes[at, -1:], axis=1)[:, 0]
    prefixes, prefix = np.unique(codes[:, :-1], axis=0, return_inverse=True)
    taken = np.zeros((len(prefixes), sizes[-1]), bool)
    taken[prefix.ravel(), codes[:, -1]] = True
    keeps = np.zeros(len(codes), bool)
    left = 0
    for place in np.lexsort((at, own)):  # the best fit first; one step a colliding item, a few percent of the items
        item, row = at[place], prefix.ravel()[at[place]]
        if not keeps[group.ravel()[item]]:
            keeps[group.ravel()[item]] = True
            continue
        free = np.where(taken[row], np.inf, far[place])
        choice = int(free.argmin())
        if free[choice] == np.inf:
            left += 1
            continue
        taken[row, choice], out[item, -1] = True, choice
    if left:
        log.warning("%d items stay in shared codes: their prefixes have more items than codes", left)
    return out
