"""The best that a policy could do in a world of sessions, by dynamic programming (Bellman, 1957).

Only categories and bait matter to patience, and of a category the plain item and the bait of greatest appeal are best
for every user, so a state is (step, patience, categories of the last steps) and there are two choices a category.
"""
from itertools import product
from typing import NamedTuple

import numpy as np

from workbench.envs.sessions import NONE, WINDOW, SessionWorld, click_chance, patience_after
from workbench.errors import UserError

MAX_STATES = 200_000
AT_ONCE = 5_000_000  # choices of all users that are weighed at a time


class Optimum(NamedTuple):
    """Of the best policy, in expectation. value: (n,) the sum of rewards. clicks, returns: (n,) what it consists of."""

    value: np.ndarray
    clicks: np.ndarray
    returns: np.ndarray


def optimum(world: SessionWorld, episodes: np.ndarray, *, value: float | None = None) -> Optimum:
    """The best policy that knows the tastes of episodes (n,). value: clicks that a return is worth, by default the
    world's; over several values it gives the Pareto front of clicks and returns. UserError where there are too many
    categories to count."""
    C, most = world.n_categories, world.rules.most
    value = world.rules.value if value is None else value
    if (C + 1) ** WINDOW * (most + 1) > MAX_STATES:
        raise UserError(f"{C} categories and patience up to {most} make too many states for the best policy to be "
                        f"computed; at most {MAX_STATES:,} are")  # fmt: skip
    size = max(1, AT_ONCE // ((C + 1) ** WINDOW * (most + 1) * 2 * C))
    parts = [_solved(world, np.asarray(episodes)[at : at + size], value) for at in range(0, len(episodes), size)]
    return Optimum(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _solved(world: SessionWorld, episodes: np.ndarray, value: float) -> Optimum:
    C, most, rules = world.n_categories, world.rules.most, world.rules
    windows = np.array(list(product(range(NONE, C), repeat=WINDOW)))  # (W, m)
    repeats = np.tile((windows[:, :, None] == np.arange(C)).sum(axis=1), 2)  # (W, 2C): plain items, then bait
    after = np.tile(np.ravel_multi_index(tuple(_shifted(windows, C) + 1), (C + 1,) * WINDOW), 2)  # (W, 2C)
    costs = repeats + (np.arange(2 * C) >= C)
    left = patience_after(np.arange(most + 1)[:, None, None], costs, most)  # (most + 1, W, 2C)
    now = _clicks(world, episodes)[:, None, None] * (1 - rules.tiring) ** repeats  # (n, 1, W, 2C)
    end = np.broadcast_to(np.arange(most + 1)[:, None] / most, (len(now), most + 1, len(windows)))
    total, clicks, returns = value * end, 0 * end, end  # each (n, most + 1, W)
    for _ in range(rules.horizon):
        choice = (now + total[:, left, after]).argmax(axis=-1)[..., None]
        total, clicks, returns = (
            np.take_along_axis(gain + later[:, left, after], choice, -1)[..., 0]
            for gain, later in ((now, total), (now, clicks), (0, returns))
        )  # fmt: skip
        for array in (total, clicks, returns):
            array[:, 0] = 0  # without patience the session is over
    start = 0  # the window of nothing shown
    return Optimum(*(array[:, rules.patience, start] for array in (total, clicks, returns)))


def _clicks(world: SessionWorld, episodes: np.ndarray) -> np.ndarray:
    """(n, 2C) chance of a click on the best plain item of each category, then on its best bait; -inf without one."""
    C = world.n_categories
    best = np.full((2, C), -np.inf)
    np.maximum.at(best, (world.bait[1:], world.categories[1:]), world.appeal[1:])
    logits = world.taste[np.asarray(episodes)][:, None] + best
    return np.where(np.isfinite(logits), click_chance(logits), -np.inf).reshape(-1, 2 * C)


def _shifted(windows: np.ndarray, C: int) -> np.ndarray:
    """(m, W, C) the windows after each of the C categories."""
    kept = np.broadcast_to(windows[:, 1:, None], (len(windows), WINDOW - 1, C))
    new = np.broadcast_to(np.arange(C), (len(windows), 1, C))
    return np.concatenate([kept, new], axis=1).transpose(1, 0, 2)
