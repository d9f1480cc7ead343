"""Collision policies that give colliding items other codes: the nearest free last one (nearest), the last ones of a
balanced transport plan (sinkhorn), or the nearest free leaf anywhere (empty-leaf)."""
import logging
from collections.abc import Callable

import numpy as np
import torch

from workbench.tokens.residual_quantiser import sinkhorn_plan

log = logging.getLogger("workbench")
SINKHORN_ROUNDS = 30
FULL = "their prefixes have more items than codes"
Distances = Callable[[np.ndarray], np.ndarray]


def assign_nearest_free(codes: np.ndarray, sizes: tuple[int, ...], distances: Distances) -> np.ndarray:
    """(I, L) codes in which colliding items take the nearest last code that is free under their prefix.

    The item closest to its code keeps it; the others choose in order of their distance. distances: for items (n,),
    0-based, (n, K) squared distances of their last residuals to the last level's codes. Where a prefix has more items
    than codes, the remaining items keep colliding, and a warning says how many.
    """
    colliding = _colliding(codes)
    if not len(colliding):
        return codes
    _, group = np.unique(codes, axis=0, return_inverse=True)
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
    _warn_of_left(unresolved, FULL)
    return resolved


def assign_by_transport(codes: np.ndarray, distances: Distances) -> np.ndarray:
    """(I, L) codes in which colliding items, and only these, get the last codes of an entropic transport plan between
    them and the codes of the last level, each code with equal mass; repeated for what collides then, at most
    SINKHORN_ROUNDS times (LC-Rec, arXiv 2311.09049). distances: as in `assign_nearest_free`. A warning says how many
    items still collide."""
    resolved, before = codes.copy(), np.empty(0, np.int64)
    for _ in range(SINKHORN_ROUNDS):
        colliding = _colliding(resolved)
        if not len(colliding) or np.array_equal(colliding, before):  # the plan of the same items is the same
            break
        before = colliding
        plan = sinkhorn_plan(torch.from_numpy(np.ascontiguousarray(distances(colliding))))
        resolved[colliding, -1] = plan.argmax(1).numpy()
    _warn_of_left(len(_colliding(resolved)), "the transport plan gives them equal codes")
    return resolved


def assign_empty_leaf(
    codes: np.ndarray, sizes: tuple[int, ...], vectors: np.ndarray, decode: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """(I, L) codes in which colliding items take a leaf that is free: under the nearest prefix that has one, the last
    code whose reconstruction is nearest (the empty leaves of MSCGRec, arXiv 2602.03713).

    The item nearest to its reconstruction keeps its code; the others choose in that order. vectors: (I, D), and decode:
    (n, D) from codes (n, L) or (n, L-1), in the same units. Only prefixes that some item has are tried; a warning says
    how many items still collide.
    """
    colliding = _colliding(codes)
    if not len(colliding):
        return codes
    resolved, own = codes.copy(), np.square(vectors[colliding] - decode(codes[colliding])).sum(1)
    prefixes, prefix = np.unique(codes[:, :-1], axis=0, return_inverse=True)
    centres, kept = decode(prefixes), set()
    taken = np.zeros((len(prefixes), sizes[-1]), bool)
    taken[prefix.ravel(), codes[:, -1]] = True
    left = 0
    for index in np.lexsort((colliding, own)):  # nearest first; a loop over colliding items, a few percent
        item, code = colliding[index], tuple(codes[colliding[index]].tolist())
        if code not in kept:
            kept.add(code)
            continue
        far = np.square(centres - vectors[item]).sum(1)
        far[prefix.ravel()[item]] = -1  # its own prefix first
        far[taken.all(1)] = np.inf
        row = int(far.argmin())
        if far[row] == np.inf:
            left += 1
            continue
        free = np.flatnonzero(~taken[row])
        leaves = np.column_stack([np.tile(prefixes[row], (len(free), 1)), free])
        choice = int(np.square(decode(leaves) - vectors[item]).sum(1).argmin())
        taken[row, free[choice]], resolved[item] = True, leaves[choice]
    _warn_of_left(left, FULL)
    return resolved


def _colliding(codes: np.ndarray) -> np.ndarray:
    """The rows (n,) whose codes another row has too."""
    _, group, size = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
    return np.flatnonzero(size[group.ravel()] > 1)


def _warn_of_left(n_items: int, why: str) -> None:
    if n_items:
        log.warning("%d items still collide: %s", n_items, why)


def resolve(
    policy: str, codes: np.ndarray, sizes: tuple[int, ...], *, distances: Distances, vectors: np.ndarray,
    decode: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:  # fmt: skip
    """The codes after a policy that changes some of them; as they are for none and dedup. distances, vectors, decode:
    see `assign_nearest_free` and `assign_empty_leaf`."""
    if policy == "nearest":
        return assign_nearest_free(codes, sizes, distances)
    if policy == "sinkhorn":
        return assign_by_transport(codes, distances)
    return assign_empty_leaf(codes, sizes, vectors, decode) if policy == "empty-leaf" else codes
