"""The best that a policy could do in a world of sessions, by dynamic programming (Bellman, 1957).

Only categories matter to patience, and of a category the item of greatest appeal is best for every user, so a state is
(step, patience, categories of the last steps).
"""
from itertools import product
from typing import NamedTuple

import numpy as np

from workbench.envs.sessions import NONE, WINDOW, SessionWorld, click_chance, patience_after
from workbench.errors import UserError

MAX_STATES = 200_000


class Optimum(NamedTuple):
    """Of the best policy, in expectation. value: (n,) the sum of rewards. clicks, returns: (n,) what it consists of."""

    value: np.ndarray
    clicks: np.ndarray
    returns: np.ndarray


def optimum(world: SessionWorld, episodes: np.ndarray, *, value: float | None = None) -> Optimum:
    """The best policy that knows the tastes of episodes (n,). value: clicks that a return is worth, by default the
    world's; over several values it gives the Pareto front of clicks and returns. UserError where there are too many
    categories to count."""
    C, P, rules = world.n_categories, world.rules.patience, world.rules
    value = rules.value if value is None else value
    if (C + 1) ** WINDOW * (P + 1) > MAX_STATES:
        raise UserError(f"{C} categories and {P} of patience make too many states for the best policy to be computed; "
                        f"at most {MAX_STATES:,} are")  # fmt: skip
    best = np.full(C, -np.inf)
    np.maximum.at(best, world.categories[1:], world.appeal[1:])
    liked = click_chance(world.taste[np.asarray(episodes)] + best)  # (n, C); 0 where a category has no item
    windows = np.array(list(product(range(NONE, C), repeat=WINDOW)))  # (W, m)
    repeats = (windows[:, :, None] == np.arange(C)).sum(axis=1)  # (W, C)
    after = np.ravel_multi_index(tuple(_shifted(windows, C) + 1), (C + 1,) * WINDOW)  # (W, C)
    left = patience_after(np.arange(P + 1)[:, None, None], repeats, P)  # (P+1, W, C)
    fades = (1 - rules.tiring) ** repeats
    end = np.arange(P + 1) / P
    total, clicks, returns = (np.broadcast_to(x, (len(liked), len(windows), P + 1)).transpose(0, 2, 1)
                              for x in (value * end, 0 * end, end))  # fmt: skip  each (n, P+1, W)
    for _ in range(rules.horizon):
        now = (liked[:, None, :] * fades)[:, None]  # (n, 1, W, C)
        choice = (now + total[:, left, after]).argmax(axis=-1)[..., None]
        total, clicks, returns = (
            np.take_along_axis(gain + later[:, left, after], choice, -1)[..., 0]
            for gain, later in ((now, total), (now, clicks), (0, returns))
        )  # fmt: skip
        for array in (total, clicks, returns):
            array[:, 0] = 0  # without patience the session is over
    start = 0  # the window of nothing shown
    return Optimum(total[:, P, start], clicks[:, P, start], returns[:, P, start])


def _shifted(windows: np.ndarray, C: int) -> np.ndarray:
    """(m, W, C) the windows after each of the C categories."""
    kept = np.broadcast_to(windows[:, 1:, None], (len(windows), WINDOW - 1, C))
    new = np.broadcast_to(np.arange(C), (len(windows), 1, C))
    return np.concatenate([kept, new], axis=1).transpose(1, 0, 2)
