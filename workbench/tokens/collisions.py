"""Items that share all codes: a further code that tells them apart (dedup), and a warning where too many share one."""
import logging

import numpy as np

log = logging.getLogger("workbench")
MAX_GROUP = 256  # warn above this many items per code
COLLAPSED = 0.5  # or above this share of all items


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
