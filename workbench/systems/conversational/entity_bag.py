"""Entity bag: a dialogue is the mean of what it mentions, in vectors of a knowledge graph, and asks for a movie near.

Paper     None of its own: what conversational recommenders have in common that read entities, such as KBRD (Chen et
          al., EMNLP 2019, arXiv:1908.05391), without their graph networks and attention.
Idea      What has been mentioned, in whatever order, says what is wanted; a knowledge graph says what is near to it.
Equation  z_e = k_e + l_e,  k of the knowledge graph and fixed, l learned from 0;  m = mean of z_e of what is mentioned
          score(i) = s (m + MLP(m)) . z_i + b_i, b from log(1 + train count);  loss = - log softmax score(next movie)
Claim     It ranks better with the knowledge graph than with the tails of each relation permuted (the placebo).
Differs   k are three terms of FastRP, in the place of a graph network. Every movie of a train dialogue but the first is
          learned from, whoever speaks of it. What was mentioned is not recommended anew but after all else.
Reported  Nothing.
"""
from workbench.recommenders.dialogues.bag_parts import BAG_RECIPE, bag_parts
from workbench.recommenders.dialogues.bag_recommender import BagRecommender

VERB = "rank"
PARENT = None
OFF = None
PLACEBO = {"rewired": True}
NEEDS = ("relations", "mentions")
RECIPE = BAG_RECIPE


def build(bench, *, width=64, hidden=64, rewired=False):
    """width: of the vectors. hidden: of the MLP. rewired: the placebo, links have other tails. UserError for a size
    below 1, or a dataset without relations or mentions."""
    return BagRecommender(*bag_parts(bench, "entity_bag", width=width, hidden=hidden, rewired=rewired))
