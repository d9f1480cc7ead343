"""Greatest entropy: ask what halves the candidates best until few are left, then recommend.

Paper     The rule "Max Entropy" among the baselines of Lei et al., "Estimation-Action-Reflection: Towards deep
          interaction between conversational and recommender systems", WSDM 2020, arXiv:2002.09102.
Idea      An answer is worth most where yes and no are equally likely.
Equation  a_t = argmax over a not asked of H(p_a),  p_a = share of the candidates that have a;  H in bits
          recommend where at most k are left, where no question tells them apart, and at the last turn
Claim     Questions that halve the candidates succeed more often than random ones (random_questions) and than none
          (always_recommend). A policy that learns when to ask (scpr, unicorn) must beat it.
Differs   The paper recommends at random with a chance that grows as candidates fall.
Reported  Nothing on the data here.
"""
from workbench.envs.fixed_rule import FixedRule
from workbench.recommenders.conversation.weighted_asking import Asking, ask_then_recommend
from workbench.recommenders.conversation.worlds import ConversationWorlds
from workbench.train import Recipe

PARENT = None
OFF = None
PLACEBO = None
RECIPE = Recipe(epochs=1, monitor="success@15")


def build(bench, *, scorer="item_knn", turns=15, k=10, silence=0.0):
    """As always_recommend. UserError where no item has attributes."""
    worlds = ConversationWorlds(bench, scorer, patience=turns, k=k, silence=silence)
    asking = Asking(worlds.attributes.matrix, walk=False, weighted=False)
    return FixedRule(worlds, ask_then_recommend(asking, k=k, turns=turns))
