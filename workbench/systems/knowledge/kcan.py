"""KCAN: what lies around a user and an item in a knowledge graph is read with this pair in mind. After the paper.

Paper     Conditional Graph Attention Networks for Distilling and Refining Knowledge Graphs in Recommendation, CIKM
          2021, arXiv:2111.02100.
Idea      Of all that a knowledge graph knows, little bears on one user and one item. Keep the strongest links around
          both, and let attention over these few depend on the pair.
Equation  pi_hrt = softmax_t (M_r e_t) . tanh(M_r e_h + e_r);  v_h = LeakyReLU(W [e_h, sum_t pi_hrt e_t])
          over the k strongest links of each node, two hops around u and i:  c = [v_u, v_i]
          a_ht = softmax_t LeakyReLU(p . V v_h + q . V v_t + s . c);  v_h <- LeakyReLU(v_h + sum_t a_ht V v_t), twice
          logit = tower(v_u) . tower(v_i);  BCE of pairs, in turns with -ln sigmoid of distances of links
Claim     Links of a knowledge graph tell which pairs go together: AUC is higher than with the tails of every relation
          permuted (the placebo), and higher than where attention does not depend on the pair (conditioned=False).
Differs   No release by the authors; the equations are from summaries of the paper, and from a later implementation by
          their company. It scores pairs, so it orders the candidates of a first stage, lightgcn, which is also the
          parent: without candidates the knowledge graph is not read. AUC is that of `evaluate.sampled`. One layer by
          pi, and two of hops; pi and the strongest links are renewed after each epoch: pairs send no gradient through
          them, but train the embeddings that they follow from. k = 8 of about 20. A link between u and i, which a train
          pair has and a test pair has not, is not read anywhere, as in that implementation. Towers add to what they
          read. In training some nodes are without their own embedding. Where the pair enters, it moves all logits of a
          node alike: only the kink of LeakyReLU changes their softmax, so it can sharpen an attention and not turn it
          to another neighbour.
Reported  AUC on MovieLens-1M .907 (a later implementation reports .900), pairs sampled one to one.
"""
from workbench.data.links.knowledge_graph import both_directions, item_triples, with_users
from workbench.errors import UserError
from workbench.recommenders.graphs.over_lightgcn import train_pairs
from workbench.recommenders.knowledge.pair_scorer import PairNetwork, PairRecommender
from workbench.recommenders.reranked import Reranked
from workbench.train import Recipe

PARENT = "lightgcn"
OFF = {"n": 0}
PLACEBO = {"rewired": True}
NEEDS = ("relations",)
RECIPE = Recipe(
    epochs=100, batch_size=512, lr=3e-3, patience=6, valid_every=5,
    sizes={"small": {"lr": 1e-2, "batch_size": 256, "patience": 3, "valid_every": 2}},
)  # fmt: skip


def build(
    bench, *, first="lightgcn", n=50, neighbours=8, conditioned=True, rewired=False, width=32, dropout=0.4
):
    """The first n items of `first`, ordered by what a knowledge graph says of each with the user.

    first: a system. n: candidates; 0 leaves the order of `first`. neighbours: k, 0 for all. conditioned: whether
    attention depends on the pair. rewired: the placebo, tails are permuted within each relation. dropout: of what nodes
    have read, and share of nodes without an own embedding. UserError for a setting out of range, or a dataset without
    relations, before `first` is trained.
    """
    if not 0 <= n <= bench.split.n_items or neighbours < 0 or width < 1 or not 0 <= dropout < 1:
        raise UserError(f"kcan: {n=} candidates of {bench.split.n_items:,} items and {neighbours=} are 0 or more, "
                        f"{width=} at least 1, {dropout=} a share below 1")  # fmt: skip
    if not n:
        return Reranked(bench.teacher(first).recommender(), None, n=0)
    triples = item_triples(bench.dataset, rewired=bench.rng("rewired links") if rewired else None)
    graph = both_directions(with_users(triples, *train_pairs(bench.split), bench.split.n_users))
    with bench.init():
        network = PairNetwork(
            graph, bench.split.n_users, width=width, neighbours=neighbours, conditioned=conditioned, dropout=dropout
        )
    return PairRecommender(bench.teacher(first).recommender(), network, n=n)
