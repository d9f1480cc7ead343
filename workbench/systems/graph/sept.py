"""SEPT: three views of the users, of what they have, of friends and of shared tastes, choose positives for each other.

Paper     Socially-Aware Self-Supervised Tri-Training for Recommendation, KDD 2021, arXiv:2106.03569.
Idea      Contrast needs positives, and a user's friends know some. Two graphs among friends and LightGCN's own are
          three encoders of the same users: who two of them find near is a positive for the third (tri-training).
Equation  friend A_f = (S S) * S + 1, sharing A_s = (R R') * S + 1: links by the friends, by the items in common
          Z_r = LightGCN(R), Z_f = LightGCN(A_f), Z_s = LightGCN(A_s) of users;  Z~ = LightGCN(R and S, edges dropped)
          P_v(u) = the n users most likely by (softmax_w(Z_v' Z~) + softmax_w(Z_v'' Z~)) / 2, v', v'' the other views
          loss = BPR + lambda mean_u sum_v -log (sum_{w in P_v(u)} exp(z_v,u . z~_w / tau) / sum_w exp(...)) + l2
          in P and in the contrast every z has length 1, so that products are cosines
Claim     With friends' views it ranks better than LightGCN (the parent), and than with rewired friends: as many for
          each user, but other ones (the placebo).
Differs   LightGCN's mean of layers in every encoder; in the release each layer is normalised by rows and their sum is
          scored. BPR is a mean over the pairs of a batch and the contrast one over its users, both sums in the release:
          its lambda of .005 means something else here, and ours was chosen by validation on Last.fm. Edges are dropped
          anew at every step from the joint graph of the paper; the release drops those of R alone, once an epoch. Pairs
          alone are learnt from in the first `warmup` epochs, a third of all in the release: here training stops early.
          A link given in one direction counts in both.
Reported  Last.fm, random 8:1:1, full ranking: Recall@10 .2127, NDCG@10 .2057, LightGCN .2064 and .1972 (in the tables
          released with RecBole-GNN, whose lambda is 1e-7: all but off).
"""
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from workbench.data import Split
from workbench.errors import UserError
from workbench.losses.positive_sets import info_nce_of_sets
from workbench.nets.propagation import Edges, mean_of, mean_propagation, propagate, user_item_edges
from workbench.recommenders.graphs.edge_masks import kept_values, pair_numbers
from workbench.recommenders.graphs.friends import friend_matrix, social_views
from workbench.recommenders.graphs.over_lightgcn import (
    LIGHTGCN_RECIPE,
    check_graph_sizes,
    embedding_tables,
    train_edges,
    train_pairs,
)
from workbench.recommenders.graphs.propagated import (
    GraphTables,
    LightPropagation,
    Vectors,
    graph_recommender,
    pairwise,
)
from workbench.recommenders.triples import Triples
from workbench.train import named_rng

PARENT = "lightgcn"
OFF = {"ssl": 0.0}
PLACEBO = {"rewired": True}
NEEDS = ("social",)  # table of friends
RECIPE = LIGHTGCN_RECIPE
TAU = 0.1


def build(
    bench, *, ssl=0.05, positives=10, drop=0.3, warmup=1, rewired=False, width=64, layers=3, l2=1e-3
):
    """LightGCN with social tri-training, for the bench's users and catalogue.

    ssl: lambda; 0 makes no views. positives: n. drop: share of the edges left out for Z~. warmup: epochs without the
    views. rewired: the placebo. The others as in lightgcn. UserError for a setting out of range, or data without
    friends.
    """
    check_graph_sizes("sept", width, layers, l2)
    if not (ssl >= 0 and positives >= 1 and 0 <= drop < 1 and warmup >= 0):
        raise UserError(f"sept: {ssl=} and {warmup=} are 0 or more, {positives=} at least 1, {drop=} from 0 to below 1")
    module = GraphTables(embedding_tables(bench, width), LightPropagation(train_edges(bench), layers))
    if not ssl:
        return graph_recommender(module, l2=l2)
    rewire = bench.rng("rewired friends") if rewired else None
    friends = friend_matrix(bench.dataset, bench.split.n_users, rewire=rewire)
    module.views = SocialViews(bench.split, friends, layers, drop)

    def loss(vectors: Vectors, triples: Triples, step: int) -> Tensor:
        value = pairwise(vectors, triples, step)
        if module.views.epochs < warmup:
            return value
        users = triples.users.unique()
        *views, unlabelled = module.views(module.ego, named_rng(bench.seed, "dropped edges", step))
        return value + ssl * tri_training([z[users] for z in (vectors.user, *views)], unlabelled[users], positives)

    return graph_recommender(module, loss=loss, l2=l2, each_epoch=module.views.epochs.fill_)


class SocialViews(nn.Module):
    """Learnt tables to the vectors of users (U+1, D) in the friend view, in the sharing view, and without labels, of
    the joint graph with edges left out by a generator. epochs: a buffer, how many have been trained."""

    def __init__(self, split: Split, friends: csr_matrix, layers: int, drop: float):
        super().__init__()
        users, items = train_pairs(split)
        seen = csr_matrix((np.ones(len(users)), (users, items)), (split.n_users + 1, split.n_items + 1))
        self.friend, self.sharing = (Edges(view) for view in social_views(friends, seen))
        joint, links = user_item_edges(users, items, split.n_users, split.n_items, normalised="none"), friends.copy()
        links.resize(joint.shape)
        self.joint, self.layers, self.drop = Edges(joint + links), layers, drop
        pair, self.pairs = pair_numbers(self.joint)
        self.register_buffer("pair", pair, persistent=False)
        self.register_buffer("epochs", torch.tensor(0))

    def forward(self, ego: nn.Module, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        users = ego.user.weight
        kept = torch.from_numpy(rng.random(self.pairs) >= self.drop).to(users.device)[self.pair]
        x = torch.cat([users, ego.item.weight])
        unlabelled = mean_of(propagate(self.joint, x, self.layers, values=kept_values(self.joint, kept)))
        views = (mean_propagation(edges, users, self.layers) for edges in (self.friend, self.sharing))
        return *views, unlabelled[: len(users)]


def tri_training(views: Sequence[Tensor], unlabelled: Tensor, n: int) -> Tensor:
    """The contrast of three views of users (B, D) with those without labels (B, D), summed over the views: the
    positives of one are the n that the other two find likely."""
    with torch.no_grad():
        likely = [(F.normalize(z, dim=1) @ F.normalize(unlabelled, dim=1).T).softmax(1) for z in views]
    losses = []
    for own, z in enumerate(views):
        others = sum(p for view, p in enumerate(likely) if view != own)
        positives = others.topk(min(n, len(unlabelled)), dim=1).indices
        losses.append(info_nce_of_sets(z, unlabelled, positives, TAU))
    return sum(losses)
