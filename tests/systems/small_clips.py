"""Policies of music for a video, fitted for a few epochs on invented clips."""
from functools import lru_cache

import numpy as np

from workbench import experiment
from workbench.evaluate.episodes.rollout import rollout
from workbench.train.fit import TrainingSession
from workbench.verb_interfaces import Policy


@lru_cache
def bench() -> experiment.Bench:
    """Of 1,000 clips."""
    return experiment.open_bench("synthetic-clips", profile="smoke")


@lru_cache
def fitted(system: str, **changes) -> Policy:
    """After 16 epochs, without any store. changes: settings and recipe fields."""
    settings, recipe = bench().plan(system, **{"epochs": 16} | changes)
    policy = bench().build(system, **settings)
    policy.fit(bench().split, TrainingSession(recipe, 0, "cpu", None))
    return policy


@lru_cache
def measured(system: str, **changes) -> dict[str, np.ndarray]:
    """The measures of its episodes of test."""
    policy = fitted(system, **changes)
    return rollout(policy, policy.world("test"), quiet=True)


def recall(query: str, system: str, **changes) -> float:
    """Mean recall@10 of a query."""
    return float(measured(system, **changes)[f"recall@10 {query}"].mean())
