"""Random questions: a coin says whether to ask or to recommend, and another one what is asked.

Paper     Nothing is claimed; it is the lower bound of policies.
Idea      What a policy gains by its choice is what it is better than chance.
Equation  ask with probability 1/2, about an attribute drawn from those not asked; else top_k of score(u, i)
Claim     Stands for chance, the lower bound: a policy that chooses its questions (greatest_entropy), or learns when to
          ask (scpr, unicorn), must succeed more often.
Differs   -
Reported  Nothing.
"""
import numpy as np

from workbench.envs.fixed_rule import FixedRule
from workbench.envs.streams import uniform
from workbench.recommenders.conversation.asking import actions, best_items, unasked
from workbench.recommenders.conversation.worlds import ConversationWorlds
from workbench.train import Recipe

PARENT = None
OFF = None
PLACEBO = None
RECIPE = Recipe(epochs=1, monitor="success@15")


def build(bench, *, scorer="item_knn", turns=15, k=10, silence=0.0):
    """As always_recommend. UserError where no item has attributes."""
    worlds = ConversationWorlds(bench, scorer, patience=turns, k=k, silence=silence)

    def rule(observation):
        A = observation.asked.shape[1]
        chance = np.concatenate([uniform(bench.seed, "random questions", int(turn), episode, A + 1) for turn, episode in
                                 zip(observation.turn, observation.episodes[:, None])])  # fmt: skip
        which = unasked(observation, chance[:, 1:])
        ask = (chance[:, 0] < 0.5) & np.isfinite(which).any(axis=1)
        return actions(ask, which.argmax(axis=1), best_items(observation, k))

    return FixedRule(worlds, rule)
