"""LightGCN: vectors of users and items are averaged along the edges between them, with nothing else learnt.

Paper     LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation, SIGIR 2020, arXiv:2002.02126.
Idea      A user is near the items they have, and these are near the users who have them: a few rounds of weighted means
          bring both in, and transformations or activations between the rounds only make it worse.
Equation  E(k+1) = D^(-1/2) A D^(-1/2) E(k), A the edges of train both ways, D the degrees;  E = mean_k E(k), k = 0..K
          score(u, i) = E_u . E_i;  loss = BPR + l2 (|E(0)_u|^2 + |E(0)_i|^2 + |E(0)_j|^2)
Claim     Propagation (K = 3) ranks better than the tables alone (K = 0, its parent), and by the edges as they are: with
          the same degrees but other ends (the placebo) it does not.
Differs   Every train event once per epoch against one negative, in place of sampled users. A user without train events
          is served the mean of all users.
Reported  Last.fm, random 8:1:1, full ranking: Recall@10 .2064, NDCG@10 .1972, BPR .1761 and .1674 (in the tables
          released with RecBole-GNN); Gowalla Recall@20 .1830, NDCG@20 .1554.
"""
from workbench.recommenders.graphs.over_lightgcn import (
    LIGHTGCN_RECIPE,
    check_graph_sizes,
    embedding_tables,
    train_edges,
)
from workbench.recommenders.graphs.propagated import GraphTables, LightPropagation, graph_recommender
from workbench.recommenders.matrix_factorization import matrix_factorization

PARENT = "bpr_mf"
OFF = {"layers": 0}
PLACEBO = {"rewired": True}
RECIPE = LIGHTGCN_RECIPE


def build(bench, *, width=64, layers=3, l2=1e-3, rewired=False):
    """LightGCN for the bench's users and catalogue.

    layers: K; without any it is bpr_mf. l2: weight of the squared norms of the table rows of a triple. rewired: the
    placebo, edges have other ends. UserError if a setting is out of range.
    """
    check_graph_sizes("lightgcn", width, layers, l2, least=0)
    ego = embedding_tables(bench, width)
    if not layers:
        return matrix_factorization(ego, l2=l2)
    propagation = LightPropagation(train_edges(bench, rewired=rewired), layers)
    return graph_recommender(GraphTables(ego, propagation), l2=l2)
