"""Policies of conversations that are fitted for a few epochs in a small world, and attributes of a toy."""
from dataclasses import replace
from functools import lru_cache

import numpy as np
from scipy.sparse import csc_matrix

from workbench import experiment
from workbench.envs.conversation import Observation
from workbench.evaluate.episodes.rollout import rollout
from workbench.train import PROFILES
from workbench.train.fit import TrainingSession
from workbench.verb_interfaces import Policy

SMALL = replace(PROFILES["smoke"], epochs=8, users=None)
HAS = csc_matrix(np.array([[0, 0, 0], [1, 1, 0], [1, 0, 0], [0, 1, 1], [0, 0, 1], [1, 1, 1]], np.float32))


@lru_cache
def small_bench() -> experiment.Bench:
    """Of 300 users."""
    return experiment.open_bench("synthetic", profile=SMALL, options={"users": 300})


@lru_cache
def fitted(system: str, **changes) -> Policy:
    """Without any store. changes: settings and recipe fields."""
    bench = small_bench()
    settings, recipe = bench.plan(system, **changes)
    policy = bench.build(system, **settings)
    policy.fit(bench.split, TrainingSession(recipe, bench.seed, "cpu", None))
    return policy


@lru_cache
def measured(system: str, **changes) -> dict[str, np.ndarray]:
    """The measures of its episodes of test."""
    policy = fitted(system, **changes)
    return rollout(policy, policy.world("test"), quiet=True)


def observe(candidates, *, turn=1, known=(0, 0, 0), scores=(0, 1, 2, 3, 4, 5), outcome=0) -> Observation:
    """What a policy sees of one conversation about the five items of HAS."""
    here = np.isin(np.arange(6), candidates)[None]
    known = np.array([known], np.int8)
    return Observation(np.array([turn]), here, known, known != 0, np.array([outcome]),
                       np.array([scores], np.float32), np.array([0]))  # fmt: skip
