"""Rollouts: a policy acts in the episodes of a world, and each is measured."""
from typing import Any

import numpy as np

from workbench.errors import UserError
from workbench.progress import Progress
from workbench.verb_interfaces import Policy, World

BATCH = 500  # episodes side by side


def rollout(
    policy: Policy, world: World, *, seed: int = 0, episodes: np.ndarray | None = None, batch: int = BATCH,
    quiet: bool = False,
) -> dict[str, np.ndarray]:  # fmt: skip
    """(n,) of each of the world's measures and "return", the sum of rewards, of episodes (n,), by default all.

    Two policies under one seed meet the same episodes, so differences are taken case by case. UserError where an
    episode is not over at the world's horizon, or a reward is not a number.
    """
    episodes = np.arange(world.n) if episodes is None else np.asarray(episodes, np.int64)
    parts: list[dict[str, np.ndarray]] = []
    with Progress("episodes", len(episodes), "episodes", quiet=quiet) as progress:
        for start in range(0, len(episodes), batch):
            part = episodes[start : start + batch]
            parts.append(_run(policy, world, part, seed))
            progress.step(len(part))
    if not parts:
        raise UserError("a rollout takes at least one episode; given none")
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _run(policy: Policy, world: World, episodes: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    observation: Any = world.reset(episodes, seed=seed)
    policy.start(observation)
    total, over = np.zeros(len(episodes)), np.zeros(len(episodes), bool)
    for _ in range(world.horizon):
        observation, rewards, over = world.step(policy.act(observation))
        if not np.isfinite(rewards).all():
            raise UserError(f"{type(world).__name__} gave a reward that is not a number", code=1)
        total += rewards
        if over.all():
            break
    if not over.all():
        raise UserError(f"{int((~over).sum())} episodes of {type(world).__name__} are not over after its horizon of "
                        f"{world.horizon} steps", code=1)  # fmt: skip
    return world.measure() | {"return": total}
