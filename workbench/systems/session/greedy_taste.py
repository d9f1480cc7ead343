"""Greedy by taste: always an item of the category that the user had most of, the most popular one first.

Paper     None; what a recommender that is trained on clicks alone would do in sessions.
Idea      The next click is likeliest where the past ones were, and nothing is thought of what comes after it.
Equation  a_t = argmax over items i that were not shown of log share_u(category of i) + log (1 + train events of i)
Claim     Stands for the next click alone: what it obtains less than rotating_taste, in length of sessions and in
          returning users, is what a policy with a longer horizon can gain.
Differs   -
Reported  Nothing.
"""
import numpy as np

from workbench.envs.fixed_rule import FixedRule
from workbench.recommenders.sessions.worlds import SessionWorlds
from workbench.train import Recipe

PARENT = None
OFF = None
PLACEBO = None
RECIPE = Recipe(epochs=1, monitor="return")


def build(bench, *, temper=6, horizon=20, value=5.0):
    """As random_items."""
    worlds = SessionWorlds(bench, temper=temper, horizon=horizon, value=value)

    def rule(observation):
        scores = np.log(observation.profile)[:, worlds.categories] + worlds.popularity
        scores[:, 0] = -np.inf
        np.put_along_axis(scores, observation.shown, -np.inf, axis=1)
        return scores.argmax(axis=1)

    return FixedRule(worlds, rule)
