"""Always recommend: the best candidates of a recommender, turn after turn, and no question.

Paper     The rule "Abs Greedy" among the baselines of Christakopoulou, Radlinski and Hofmann, "Towards conversational
          recommender systems", KDD 2016.
Idea      A list costs a turn and may end the conversation, a question never does.
Equation  list_t = top_k of score(u, i) over the candidates
Claim     Stands for a recommender that asks nothing: what policies that ask (greatest_entropy, scpr, unicorn) have
          above it is what their questions are worth.
Differs   The recommender is not updated by what is rejected; that leaves the candidates.
Reported  Nothing on the data here.
"""
import numpy as np

from workbench.envs.fixed_rule import FixedRule
from workbench.recommenders.conversation.asking import actions, best_items
from workbench.recommenders.conversation.worlds import ConversationWorlds
from workbench.train import Recipe

PARENT = None
OFF = None
PLACEBO = None
RECIPE = Recipe(epochs=1, monitor="success@15")


def build(bench, *, scorer="item_knn", turns=15, k=10, silence=0.0):
    """scorer: a system that scores items from histories. turns: the most there are. k: items of a list. silence: chance
    that a question gets no answer. UserError where no item has attributes."""
    worlds = ConversationWorlds(bench, scorer, patience=turns, k=k, silence=silence)

    def rule(observation):
        B = len(observation.turn)
        return actions(np.zeros(B, bool), np.zeros(B, np.int64), best_items(observation, k))

    return FixedRule(worlds, rule)
