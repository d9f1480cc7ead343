"""SCPR: a conversation walks on the graph of items and attributes, and a network of two actions says ask or recommend.

Paper     SCPR, Interactive Path Reasoning on Graph for Conversational Recommendation, KDD 2020, arXiv:2007.00194.
Idea      From the attribute that was accepted last go only to those that share a candidate with it; of these ask about
          what divides the items best, the likely ones counting more; whether to ask at all is learned from outcomes.
Equation  ask a* = argmax over a in N(a_t) of H(p_a),  p_a = sum of w_v over candidates v with a / over all,
          w_v = sigmoid(score(u, v));  N(a_t) = attributes of candidates that have a_t, before the first yes all
          Q(s, ask), Q(s, recommend): double DQN on s = [outcome of each turn; binary digits of the candidates' number]
Claim     A question divides the candidates better than a random one, and the learned choice is better than to ask until
          few are left (greatest_entropy, its parent). With attributes dealt anew among the items (the placebo) the
          questions divide less; it leaves the learned choice as it is, and the first questions nearly so.
Differs   What a no rules out leaves the candidates, so the walk alone leaves out no question that divides them: it
          changes what is asked only with the placebo. Items are ordered by a system of this catalogue, not by a
          factorisation machine that reads the attributes, and scores are standardised before the sigmoid, as systems
          differ in scale. The user does not begin with an attribute. It never asks at the last turn, nor where no
          question divides. Adam in place of RMSprop; the target is copied every epoch; chance of a random action as
          there (.9 to .05), by epochs.
Reported  LastFM (33 attributes) success@15 .465, turns 12.86; Yelp .973, 5.67; LastFM*, with attributes that are not
          merged, .709, 8.43; Yelp* .489, 12.62 (as repeated by UNICORN).
"""
from workbench.envs.fixed_rule import FixedRule
from workbench.errors import UserError
from workbench.nets.conversation.outcome_values import OutcomeValues
from workbench.recommenders.conversation.outcome_states import CODES, OutcomeStates
from workbench.recommenders.conversation.q_learning import Learning, QPolicy
from workbench.recommenders.conversation.weighted_asking import Asking, ask_then_recommend, rewired_attributes
from workbench.recommenders.conversation.worlds import ConversationWorlds
from workbench.train import Recipe

PARENT = "greatest_entropy"
OFF = {"walk": False, "weighted": False, "learnt": False}
PLACEBO = {"rewired": True}
RECIPE = Recipe(
    epochs=60, batch_size=128, lr=2e-3, schedule="linear", patience=6, valid_every=5, valid_cases=300, monitor="return",
)  # fmt: skip


def build(
    bench, *, scorer="item_knn", turns=15, k=10, silence=0.0, walk=True, weighted=True, learnt=True, rewired=False,
    width=64,
):  # fmt: skip
    """scorer, turns, k, silence: as always_recommend.

    walk: ask only about neighbours of what was accepted last. weighted: items count by their score. learnt: whether to
    ask is learned, else it asks until at most k are left. rewired: the placebo, it walks and weighs on a graph whose
    attributes are dealt anew among the items, while the user answers by the true one. width: of the network. UserError
    where no item has attributes.
    """
    if width < 1:
        raise UserError(f"scpr: {width=} is 1 or more")
    worlds = ConversationWorlds(bench, scorer, patience=turns, k=k, silence=silence)
    matrix = worlds.attributes.matrix
    asking = Asking(rewired_attributes(matrix, bench.rng("rewired")) if rewired else matrix, walk=walk,
                    weighted=weighted)  # fmt: skip
    if learnt:
        with bench.init():
            network = OutcomeValues(turns, CODES, width=width)
        return QPolicy(worlds, network, OutcomeStates(asking, k=k, patience=turns), Learning())
    return FixedRule(worlds, ask_then_recommend(asking, k=k, turns=turns))
