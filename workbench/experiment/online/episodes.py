"""How a run of a policy is made: train it in episodes of train, then run those of test, one for each case."""
from pathlib import Path
from typing import Any

import numpy as np

from workbench.evaluate.episodes.rollout import rollout
from workbench.experiment.online.measured import Measured, means, measured_run
from workbench.train import Recipe
from workbench.verb_interfaces import Policy


def act_run(
    bench: Any, inputs: dict, recipe: Recipe, policy: Policy, folder: Path, *, about: dict | None = None,
    command: str = "",
) -> None:  # fmt: skip
    """Train and evaluate a policy, and write the files of a run, as `training.train_run`. Chance in the episodes of
    test is the same for every policy and every seed of training: episodes are paired. UserError as `rollout`."""

    def validate(current: Policy) -> dict[str, float]:
        world = current.world("valid")
        n = min(recipe.valid_cases or world.n, world.n)
        return means(rollout(current, world, episodes=np.arange(n), quiet=True))

    def evaluate() -> Measured:
        measures = rollout(policy, policy.world("test"))
        return Measured(measures, len(measures["return"]))

    measured_run(bench, inputs, recipe, policy, folder, validate=validate, evaluate=evaluate, about=about,
                 command=command)  # fmt: skip
