"""Collision policies: append a disambiguating code (dedup), or reassign the last code to the nearest free one."""
import logging
from collections.abc import Callable

import numpy as np

log = logging.getLogger("workbench")
MAX_GROUP = 256  # warn above this many items per code
COLLAPSED = 0.5  # or above this share of all items
Distances = Callable[[np.ndarray], np.ndarray]


def append_dedup_code(codes: np.ndarray, sizes: tuple[int, ...]) -> tuple[np.ndarray, tuple[int, ...]]:
    """(I, L+1) codes and their sizes: an appended code numbers the items of each group in order of their ids.

    Item ids are ranks of a seeded hash, so the order is random. Codes that are already unique are returned unchanged.
    """
    _, group, size = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
    if size.max() == 1:
        return codes, tuple(sizes)
    order = np.argsort(group.ravel(), kind="stable")
    extra = np.empty(len(codes), codes.dtype)
    extra[order] = np.arange(len(codes)) - np.repeat(np.cumsum(size) - size, size)
    return np.column_stack([codes, extra]), (*sizes, int(size.max()))


def warn_of_collapse(codes: np.ndarray) -> None:
    """Warn where one of the codes (I, L), as they are before `append_dedup_code`, is of so many items that only their
    number could tell these apart."""
    size = np.unique(codes, axis=0, return_counts=True)[1].max()
    if size > MAX_GROUP or size > max(COLLAPSED * len(codes), 2):
        log.warning("%d of %d items share one code: what tells them apart is not learnable", size, len(codes))


def assign_nearest_free(codes: np.ndarray, sizes: tuple[int, ...], distances: Distances) -> np.ndarray:
    """(I, L) codes in which colliding items take the nearest last code that is free under their prefix.

    The item closest to its code keeps it; the others choose in order of their distance. distances: for items (n,),
    0-based, (n, K) squared distances of their last residuals to the last level's codes. Where a prefix has more items
    than codes, the remaining items keep colliding, and a warning says how many.
    """
    _, group, size = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
    colliding = np.flatnonzero(size[group.ravel()] > 1)
    if not len(colliding):
        return codes
    resolved, distance = codes.copy(), distances(colliding)
    own = np.take_along_axis(distance, codes[colliding, -1:], axis=1)[:, 0]
    prefixes, prefix = np.unique(codes[:, :-1], axis=0, return_inverse=True)
    taken = np.zeros((len(prefixes), sizes[-1]), bool)
    taken[prefix.ravel(), codes[:, -1]] = True
    kept = np.zeros(len(codes), bool)
    unresolved = 0
    for index in np.lexsort((colliding, own)):  # closest first; a loop over colliding items, a few percent
        item, row = colliding[index], prefix.ravel()[colliding[index]]
        if not kept[group.ravel()[item]]:
            kept[group.ravel()[item]] = True
            continue
        free = np.where(taken[row], np.inf, distance[index])
        choice = int(free.argmin())
        if free[choice] == np.inf:
            unresolved += 1
            continue
        taken[row, choice], resolved[item, -1] = True, choice
    if unresolved:
        log.warning("%d items still collide: their prefixes have more items than codes", unresolved)
    return resolved
