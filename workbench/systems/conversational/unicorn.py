"""UNICORN: one network values questions and items alike, on a graph of the user, what was accepted and what is left.

Paper     UNICORN, Unified Conversational Recommendation Policy Learning via Graph-based Reinforcement Learning, SIGIR
          2021, arXiv:2105.09710.
Idea      What to ask, what to recommend and when to do which are one choice: each attribute and each item is an action,
          and a graph of those that are left says what the choice depends on.
Equation  nodes: the user, accepted attributes, 10 attributes and 10 items that may be chosen;  edges: item - attribute
          and user - accepted 1, user - item sigmoid(score);  h = relu(D^-1/2 A D^-1/2 E W + E W')
          s = mean over user and accepted of attention(h);  Q(s, a) = V(s) + Adv(s, e_a)
          double DQN with prioritised replay
Claim     Better than the fixed rules that bracket it (always ask until few are left, always recommend). With start
          embeddings of other nodes (vectors=permuted, the placebo) or random ones it is not as good.
Differs   Start embeddings are a truncated SVD of the mutual information of the graph of items, attributes and users of
          train, in place of TransE; the release computes its own and then drops them, as vectors=random does here. A
          user is the mean of the items they had, as episodes are of users with other pasts than in train. Attributes
          are chosen by weighted entropy and items by a system of this catalogue, without the terms for accepted and
          rejected attributes. Only what may be chosen is in the graph, so that the state is told the turn, the number
          of candidates and whether a list was rejected. An item stands for a list of ten, itself first. Training is in
          episodes of train, where the release takes validation; the chance of a random action falls over epochs, where
          the release ends it after a step; the target is copied every epoch; at test nothing is decided by hand, but
          that it never asks at the last turn, nor what divides nothing.
Reported  Success@15, turns, hDCG (gain by turn and place): LastFM .535, 11.82, .175; LastFM*, with attributes that are
          not merged, .788, 7.58, .349; Yelp .985, 5.33, .397; Yelp* .520, 11.31, .203.
"""
import numpy as np

from workbench.envs.fixed_rule import FixedRule
from workbench.errors import UserError, unknown_name
from workbench.nets.conversation.graph_values import GraphValues
from workbench.recommenders.conversation.graph_states import NUMBERS, GraphStates
from workbench.recommenders.conversation.node_vectors import KINDS, node_vectors
from workbench.recommenders.conversation.q_learning import Learning, QPolicy
from workbench.recommenders.conversation.weighted_asking import Asking, ask_then_recommend
from workbench.recommenders.conversation.worlds import ConversationWorlds
from workbench.train import Recipe

PARENT = "greatest_entropy"
OFF = {"learnt": False}
PLACEBO = {"vectors": "permuted"}
RECIPE = Recipe(
    epochs=60, batch_size=128, lr=1e-3, schedule="linear", patience=6, valid_every=5, valid_cases=300, monitor="return",
    sizes={"small": {"width": 32, "batch_size": 64, "lr": 3e-3}},
)  # fmt: skip
HOW = Learning(gamma=0.999, capacity=6_000, steps=32, alpha=0.6, beta=0.4)


def build(
    bench, *, scorer="item_knn", turns=15, k=10, silence=0.0, questions=10, vectors="graph", learnt=True, width=64
):
    """scorer, turns, k, silence: as always_recommend.

    questions: attributes that may be asked about. vectors: start embeddings, graph, random or permuted, the placebo.
    learnt: without it is its parent, which asks until at most k are left. width: of embeddings and network. UserError
    for an unknown kind of vectors, a setting out of range, or where no item has attributes.
    """
    if vectors not in KINDS:
        raise unknown_name("vectors of unicorn", vectors, KINDS)
    if questions < 1 or width < 2 or width % 2:
        raise UserError(f"unicorn: {questions=} is 1 or more, {width=} an even number")
    worlds = ConversationWorlds(bench, scorer, patience=turns, k=k, silence=silence)
    matrix = worlds.attributes.matrix
    if not learnt:
        asking = Asking(matrix, walk=False, weighted=False)
        return FixedRule(worlds, ask_then_recommend(asking, k=k, turns=turns))
    past = bench.split.train.without_last(1)  # the last events are what is wanted in episodes of train
    items, attributes = node_vectors(matrix, past, width, kind=vectors, seed=bench.seed)
    with bench.init():
        network = GraphValues(np.concatenate([items, attributes]), width=width, numbers=NUMBERS)
    view = GraphStates(Asking(matrix, walk=False), items, questions=questions, k=k, patience=turns)
    return QPolicy(worlds, network, view, HOW)
