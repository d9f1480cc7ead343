"""Rotating by taste: the category that the user had most of among those not shown in the last steps, its popular items.

Paper     None; the rule that knows what tires a user, the upper of the fixed ones.
Idea      A category that rested costs no patience, so a session lasts as long as it may.
Equation  a_t = argmax over items i that were not shown of log share_u(category of i) + log (1 + train events of i)
                - 100 (times that the category was shown in the last 3 steps)
Claim     Stands for a rule that is told what tires a user: it obtains more than greedy_taste, through longer sessions,
          and a policy that has to learn it (vector_policy, lerl, dt4ier, tadt_csa) is measured against it.
Differs   -
Reported  Nothing.
"""
import numpy as np

from workbench.envs.fixed_rule import FixedRule
from workbench.recommenders.sessions.features import recent_counts
from workbench.recommenders.sessions.worlds import SessionWorlds
from workbench.train import Recipe

PARENT = None
OFF = None
PLACEBO = None
RECIPE = Recipe(epochs=1, monitor="return")
REPEATED = 100.0  # more than any share or popularity


def build(bench, *, temper=6, horizon=20, value=5.0):
    """As random_items."""
    worlds = SessionWorlds(bench, temper=temper, horizon=horizon, value=value)

    def rule(observation):
        rested = np.log(observation.profile) - REPEATED * recent_counts(observation, worlds.categories)
        scores = rested[:, worlds.categories] + worlds.popularity
        scores[:, 0] = -np.inf
        np.put_along_axis(scores, observation.shown, -np.inf, axis=1)
        return scores.argmax(axis=1)

    return FixedRule(worlds, rule)
