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
    without an episode."""
    episodes = np.arange(world.n) if episodes is None else np.asarray(episodes, np.int64)
    if not len(episodes):
        raise UserError("measures by step need at least one episode; given none")
    observation: Any = world.reset(episodes, seed=seed)
    policy.start(observation)
    rows: list[dict[str, np.ndarray]] = []
    for _ in range(world.horizon):
        observation = world.step(policy.act(observation))[0]
        rows.append(world.measure())
    return {name: np.stack([row[name] for row in rows]) for name in world.measures}
