"""Regret of policies of slates step by step, and of one of them at other amounts of exploration."""
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from workbench.arguments import public
from workbench.envs.slates import SlateWorld
from workbench.errors import UserError
from workbench.evaluate.episodes.by_step import measures_by_step
from workbench.experiment.run import Run

EPISODES = 500  # of test, at most
WORLD = ("tastes", "k", "horizon", "fatigue")  # settings of the world, not of the policy


@public
@dataclass(frozen=True)
class RegretCurves:
    """The regret of runs of slate policies in the same episodes of test. UserError for a run of another kind, none at
    all, or runs in worlds that differ."""

    runs: Sequence[Run]

    def __post_init__(self) -> None:
        for run in self.runs:
            if run.info.get("family") != "bandit":
                raise UserError(f"{run.label} shows no slates; runs of slate_ts and greedy_slate do")
        worlds = {(run.info["data_hash"], *(run.info["settings"][name] for name in WORLD)) for run in self.runs}
        if len(worlds) != 1:
            raise UserError(f"regret is set side by side in one world; these {len(self.runs)} runs have {len(worlds)}: "
                            f"give runs of the same data and the same {', '.join(WORLD)}")  # fmt: skip

    @cached_property
    def policies(self) -> list[Any]:
        """As they were evaluated."""
        return [run.recommender() for run in self.runs]

    @cached_property
    def world(self) -> SlateWorld:
        """Whose episodes are those of the test cases."""
        return self.policies[0].world("test")

    @cached_property
    def curves(self) -> list[np.ndarray]:
        """(T, n) of each run: clicks lost so far against the best slate of every step."""
        return [self._regret(policy) for policy in self.policies]

    def explored(self, variance: float) -> np.ndarray:
        """(T, n) of the first run that samples, with another `variance` and the weights that it has: 0 is greedy.
        UserError for a variance below 0, or where no run samples."""
        if not 0 <= variance < np.inf:
            raise UserError(f"{variance=} is a factor of the posterior's covariance, 0 or more")
        policy = self.policies[self.sampling]
        before, policy.variance = policy.variance, float(variance)
        try:
            return self._regret(policy)
        finally:  # Ctrl-C too
            policy.variance = before

    @cached_property
    def sampling(self) -> int:
        """The place of the first run that samples. UserError where there is none."""
        places = [place for place, run in enumerate(self.runs) if run.info["settings"].get("variance")]
        if not places:
            raise UserError("none of these runs samples; give one of slate_ts or one_sample_slate with a variance")
        return places[0]

    def _regret(self, policy: Any) -> np.ndarray:
        episodes = np.arange(min(EPISODES, self.world.n))
        return measures_by_step(policy, self.world, episodes=episodes)["regret"]
