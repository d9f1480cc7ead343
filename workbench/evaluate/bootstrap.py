"""Shares of one mean in another, over the same cases, with a paired bootstrap: a draw takes cases, not values."""
import numpy as np

from workbench.errors import UserError
from workbench.evaluate.compare import DRAWS
from workbench.train.rng import stream

ENDS = (0.025, 0.975)
ROOM = 2_000_000  # drawn counts held at a time


def resampled(values: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """(DRAWS, m) bootstrap means of the columns of values (C, m), cases drawn with replacement.

    Most cases have the same row, a miss everywhere, so a draw is one multinomial over the rows that differ.
    """
    values = np.asarray(values, np.float64)
    rows, counts = np.unique(values, axis=0, return_counts=True)
    rng, step = stream(seed, "paired bootstrap"), max(1, ROOM // len(rows))
    sizes = [min(step, DRAWS - start) for start in range(0, DRAWS, step)]
    parts = [rng.multinomial(len(values), counts / len(values), size=size) @ rows for size in sizes]
    return np.concatenate(parts) / len(values)


def share(part: np.ndarray, whole: np.ndarray, *, seed: int = 0) -> tuple[float, float, float]:
    """Mean of part (C,) over mean of whole (C,), and the ends of its 95 % interval. UserError if whole has mean 0, or
    if so many draws have that no interval can be read.

    >>> share(np.array([0.03, 0.03]), np.array([0.02, 0.06]))[0]
    0.75
    """
    if len(part) != len(whole) or not len(whole):
        raise UserError(f"{len(part)} and {len(whole)} cases cannot be paired; both sides need the same, at least one")
    if not np.mean(whole):
        raise UserError("nothing is found in any case, so there is nothing to take a share of", code=3)
    drawn = resampled(np.column_stack([part, whole]), seed=seed)
    return float(np.mean(part) / np.mean(whole)), *ends(drawn[:, 0], drawn[:, 1])


def ends(part: np.ndarray, whole: np.ndarray) -> tuple[float, float]:
    """The ends of the 95 % interval of part over whole, both (DRAWS,) from the same draws. Draws in which whole is 0
    are left out; UserError if these are more than one in a hundred."""
    there = whole != 0
    if there.mean() < 0.99:
        raise UserError("too few cases are found for an interval of a share", code=3)
    low, high = np.quantile(part[there] / whole[there], ENDS)
    return float(low), float(high)
