"""Time between events as an input of a sequence network: relative to the gaps before, in their order or shuffled."""
import numpy as np

from workbench.data import Histories
from workbench.recommenders.sequential import padded_column

EPSILON = 3600.0  # seconds that a gap and a mean gap are prolonged by: gaps within a session count little


def relative_gaps(histories: Histories, T: int) -> list[np.ndarray]:
    """[(B, T)] float32, log((gap + e) / (mean gap so far + e)) of each event and the one before it, e an hour; the
    first event that is read has 0, and so have all events with equal gaps."""
    return [padded_column(recent := histories.last(T), _relative(recent), T)]


def shuffled_gaps(histories: Histories, T: int) -> list[np.ndarray]:
    """The same numbers in another order within each history, which follows from its items alone (a placebo)."""
    recent = histories.last(T)
    rows = recent.rows()
    place = np.arange(len(rows)) - recent.offsets[rows]
    mixed = (recent.items.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) ^ (
        (place.astype(np.uint64) + np.uint64(1)) * np.uint64(0xC2B2AE3D27D4EB4F)
    )
    mixed ^= mixed >> np.uint64(29)
    order = np.lexsort((mixed, rows))
    return [padded_column(recent, _relative(recent)[order], T)]


def _relative(histories: Histories) -> np.ndarray:
    """(N,) float32, relative gaps of all events."""
    rows, first = histories.rows(), histories.offsets[:-1][histories.lengths > 0]
    gaps = np.diff(histories.times, prepend=histories.times[:1]).astype(float)
    gaps[first] = 0
    place = np.arange(len(rows)) - histories.offsets[rows]
    total = gaps.cumsum()
    total -= (total - gaps)[histories.offsets[rows]]  # within the history
    relative = np.log((gaps + EPSILON) / (total / np.maximum(place, 1) + EPSILON))
    relative[first] = 0
    return relative.astype(np.float32)
