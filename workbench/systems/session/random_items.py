"""Random items: every item is as likely to be shown as any other.

Paper     Nothing is claimed; it is the lower bound of policies.
Idea      What a policy gains by its choice is what it is better than chance.
Equation  a_t ~ uniform over the items
Claim     Stands for no choice at all: a policy has learned something only if it obtains a higher return.
Differs   -
Reported  Nothing.
"""
import numpy as np

from workbench.envs.fixed_rule import FixedRule
from workbench.recommenders.sessions.features import drawn
from workbench.recommenders.sessions.worlds import SessionWorlds
from workbench.train import Recipe

PARENT = None
OFF = None
PLACEBO = None
RECIPE = Recipe(epochs=1, monitor="return")


def build(bench, *, temper=6, horizon=20, value=5.0):
    """temper: the patience that a user has at first. horizon: most steps of a session. value: clicks that a return is
    worth. UserError where the items have fewer than two categories."""
    worlds = SessionWorlds(bench, temper=temper, horizon=horizon, value=value)
    alike = np.arange(bench.split.n_items + 1) > 0

    def rule(observation):
        return drawn(np.tile(alike, (len(observation.step), 1)), "random items", observation)

    return FixedRule(worlds, rule)
