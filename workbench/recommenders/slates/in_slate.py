"""How scores become slates: the best items of a score, and rankings of several samples read across.

After the in-slate Thompson sampling of Eide, Leslie and Frigessi, arXiv:2104.15046.
"""
import numpy as np

from workbench.envs.greatest import greatest
from workbench.envs.slates import without_repeats


def best_items(scores: np.ndarray, k: int) -> np.ndarray:
    """(..., k) the items of highest score (..., I+1), best first, the lower id of two alike; item 0 is none."""
    return 1 + greatest(scores[..., 1:], k)


def read_across(ranked: np.ndarray) -> np.ndarray:
    """(B, k) slates of S rankings (B, S, k) of distinct items: all that are first, then all that are second, and so on,
    each item once, until k are found.

    >>> read_across(np.array([[[1, 2, 3], [1, 4, 2], [5, 1, 2]]])).tolist()
    [[1, 5, 2]]
    """
    B, _, k = ranked.shape
    reading = without_repeats(ranked.transpose(0, 2, 1).reshape(B, -1))
    first = np.argsort(reading == 0, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(reading, first, 1)
