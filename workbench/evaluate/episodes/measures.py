"""What is measured of conversations, from the turn and the place at which the target was shown."""
import numpy as np


def success(turns: np.ndarray, t: int) -> np.ndarray:
    """(n,) 1.0 where the target was shown by turn t. turns: (n,) from 1, 0 for never."""
    return ((turns > 0) & (turns <= t)).astype(float)


def hdcg(turns: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(n,) the discounted gain of conversations: by the turn (n,) of the list that had the target, and by its place
    (n,) in that list, both from 1; turn 0 for never.

    Deng et al., "Unified conversational recommendation policy learning via graph-based reinforcement learning", SIGIR
    2021: 1 / log2(t + 2) + (1 / log2(t + 1) - 1 / log2(t + 2)) / log2(k + 1).
    """
    t, k = np.maximum(turns, 1), np.maximum(places, 1)
    later = 1 / np.log2(t + 2)
    return np.where(turns > 0, later + (1 / np.log2(t + 1) - later) / np.log2(k + 1), 0.0)
