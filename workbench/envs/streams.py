"""Chance in a world: numbers that depend on the seed, a name, the step and the episode, and on nothing else.

They are hashed, not drawn one after the other, so an episode has the same ones in whatever batch, order or company it
is run, and two policies meet the same chance at the same step.
"""
import numpy as np

from workbench.train import derive_seed

ODD = np.uint64(0x9E3779B97F4A7C15)  # increment of SplitMix64
STEP, EPISODE = np.uint64(0xD1B54A32D192ED03), np.uint64(0x8CB92BA72F3D8DD7)


def uniform(seed: int, name: str, step: int, episodes: np.ndarray, n: int = 1) -> np.ndarray:
    """(B, n) float64 in [0, 1) for episodes (B,) at a step. SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) at a place
    given by all arguments."""
    with np.errstate(over="ignore"):
        start = np.uint64(derive_seed(seed, name)) + np.uint64(step) * STEP
        rows = _mixed(start + np.asarray(episodes, np.uint64) * EPISODE)
        x = _mixed(rows[:, None] + np.arange(1, n + 1, dtype=np.uint64) * ODD)
    return (x >> np.uint64(11)) * 2.0**-53


def normal(seed: int, name: str, step: int, episodes: np.ndarray, n: int = 1) -> np.ndarray:
    """(B, n) standard normal numbers, as `uniform`."""
    from scipy.special import ndtri

    return ndtri(np.clip(uniform(seed, name, step, episodes, n), 2.0**-53, None))


def _mixed(x: np.ndarray) -> np.ndarray:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
