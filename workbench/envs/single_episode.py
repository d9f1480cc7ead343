"""One episode of a world as a Gymnasium Env, for libraries that learn in such."""
from typing import Any

import gymnasium
import numpy as np

from workbench.errors import UserError, is_integer
from workbench.verb_interfaces import World


class SingleEpisode(gymnasium.Env):
    """reset() draws an episode by the seed, or takes options={"episode": number}; the observation is a dict."""

    metadata = {"render_modes": []}

    def __init__(self, world: World):
        self.world, self.observation_space, self.action_space = world, world.observation_space, world.action_space

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[dict, dict]:
        """(observation, info); info names the episode. UserError for a number of an episode that there is not."""
        super().reset(seed=seed)
        self.steps = 0
        episode = (options or {}).get("episode", int(self.np_random.integers(self.world.n)))
        if not is_integer(episode, 0) or episode >= self.world.n:
            raise UserError(f"episode={episode!r}: there are episodes 0 to {self.world.n - 1:,}")
        world_seed = int(self.np_random.integers(2**31))
        observation = self.world.reset(np.array([episode]), seed=world_seed)
        return _one(observation), {"episode": episode}

    def step(self, action: Any) -> tuple[dict, float, bool, bool, dict]:
        """(observation, reward, terminated, truncated, info); once it is over, info has the world's measures. UserError
        where a world goes on after its horizon, so that no loop hangs, or gives a reward that is not a number."""
        observation, rewards, over = self.world.step(np.asarray(action)[None])
        self.steps += 1
        if not np.isfinite(rewards).all():
            raise UserError(f"{type(self.world).__name__} gave a reward that is not a number", code=1)
        if self.steps >= self.world.horizon and not over[0]:
            raise UserError(f"the episode of {type(self.world).__name__} is not over after its horizon of "
                            f"{self.world.horizon} steps", code=1)  # fmt: skip
        measures = {name: float(value[0]) for name, value in self.world.measure().items()} if over[0] else {}
        return _one(observation), float(rewards[0]), bool(over[0]), False, measures


def _one(observation: Any) -> dict[str, Any]:
    return {name: array[0].copy() for name, array in observation._asdict().items()}
