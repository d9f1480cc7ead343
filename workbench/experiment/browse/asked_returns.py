"""What policies that are asked for a return obtain, for what the log's sessions had."""
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from workbench.arguments import public
from workbench.errors import UserError
from workbench.evaluate.episodes.rollout import rollout
from workbench.experiment.run import Run
from workbench.recommenders.sessions.following_returns import FollowingReturns
from workbench.recommenders.sessions.logs import collect

EPISODES = 300  # of test, at most


@public
@dataclass(frozen=True)
class AskedReturns:
    """A run of a policy that is asked for returns, in test episodes. UserError for a run of another kind."""

    run: Run

    def __post_init__(self) -> None:
        asks = isinstance(self.policy, FollowingReturns) and self.policy.returns is not None
        if not asks:
            raise UserError(f"{self.run.label} is asked for no return; runs of dt4ier and tadt_csa are")

    @cached_property
    def policy(self) -> Any:
        """The policy as it was evaluated; what it is asked for changes with every call below."""
        return self.run.recommender()

    @cached_property
    def episodes(self) -> np.ndarray:
        """(n,) the test episodes that are played."""
        return np.arange(min(EPISODES, self.policy.world("test").n))

    @cached_property
    def _log(self) -> np.ndarray:
        """(S, R) what the sessions of the log had at their first step."""
        log = collect(self.policy.worlds, self.run.info["seed"], self.policy.passes)
        return self.policy.returns.of(log.rewards)[:, 0]

    def asked(self, share: float) -> dict[str, float]:
        """By name, what is asked for at a share from 0 to 1 of the log: of each return that quantile of its sessions.
        UserError for another share."""
        if not 0 <= share <= 1:
            raise UserError(f"{share=} of the sessions of the log is from 0 to 1")
        values = np.quantile(self._log, share, axis=0, method="closest_observation")
        return {name: float(value) for name, value in zip(self.policy.returns.names, values, strict=True)}

    def obtained(self, share: float) -> dict[str, np.ndarray]:
        """(n,) of each measure of the world and of "return", by episode, when that much is asked for."""
        with torch.no_grad():
            self.policy.module.asked.copy_(torch.tensor(list(self.asked(share).values())))
        return rollout(self.policy, self.policy.world("test"), episodes=self.episodes, quiet=True)
