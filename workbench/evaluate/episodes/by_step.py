"""What is measured of episodes after every step, for curves over the steps."""
from typing import Any

import numpy as np

from workbench.errors import UserError
from workbench.verb_interfaces import Policy, World


def measures_by_step(
    policy: Policy, world: World, *, seed: int = 0, episodes: np.ndarray | None = None
) -> dict[str, np.ndarray]:  # fmt: skip
    """(T, n) of each of the world's measures after every step, of episodes (n,), by default all, run side by side; T is
    the world's horizon, and an episode that is over stays as it ended. The last row is what `rollout` gives. UserError
    without an episode, for one that there is not, and as `rollout` for a world that is broken."""
    episodes = np.arange(world.n) if episodes is None else numbers_of(episodes, world)
    observation: Any = world.reset(episodes, seed=seed)
    policy.start(observation)
    rows: list[dict[str, np.ndarray]] = []
    for _ in range(world.horizon):
        observation, rewards, over = world.step(policy.act(observation))
        if not np.isfinite(rewards).all():
            raise UserError(f"{type(world).__name__} gave a reward that is not a number", code=1)
        rows.append(world.measure())
    if not over.all():
        raise UserError(f"{int((~over).sum())} episodes of {type(world).__name__} are not over after its horizon of "
                        f"{world.horizon} steps", code=1)  # fmt: skip
    return {name: np.stack([row[name] for row in rows]) for name in world.measures}


def numbers_of(episodes: Any, world: World) -> np.ndarray:
    """(n,) int64 numbers of episodes of a world. UserError where there is none, or one that there is not."""
    found = np.asarray(episodes)
    whole = found.ndim == 1 and len(found) > 0 and found.dtype.kind in "iu"
    if not whole or found.min() < 0 or found.max() >= world.n:
        given = f"{found.min()} to {found.max()}" if whole else f"{found!r:.60}"
        raise UserError(f"episodes are one or more whole numbers from 0 to {world.n - 1:,}; given {given}")
    return found.astype(np.int64)
