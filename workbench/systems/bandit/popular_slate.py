"""popular_slate: the same slate of the items with the most train events for everybody, at every step.

Paper     Nothing is claimed; it is the baseline that knows nobody.
Idea      What many took is a fair guess for a user of whom nothing is known, and is never reconsidered.
Equation  slate_t = top_k of the train events of i
Claim     Stands for a policy that knows no user: what learns from the clicks of an episode (greedy_slate, slate_ts)
          must earn more clicks.
Differs   -
Reported  Nothing.
"""
import numpy as np

from workbench.envs.fixed_rule import FixedRule
from workbench.recommenders.slates.in_slate import best_items
from workbench.recommenders.slates.worlds import SlateWorlds
from workbench.train import Recipe

PARENT = None
OFF = None
PLACEBO = None
RECIPE = Recipe(epochs=1, monitor="return")


def build(bench, *, tastes="log", k=5, horizon=20, fatigue=0.15):
    """tastes: log or planted, what the users of the world like. k: slots. horizon: slates of an episode. fatigue: of
    categories that are shown again. UserError if a setting is out of range."""
    worlds = SlateWorlds(bench, tastes=tastes, k=k, horizon=horizon, fatigue=fatigue)
    slate = best_items(bench.split.train_counts().astype(float), k)
    return FixedRule(worlds, lambda observation: np.tile(slate, (len(observation.step), 1)))
