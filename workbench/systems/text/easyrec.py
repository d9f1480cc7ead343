"""EasyRec: profiles of users and items are texts, drawn together where a user has an item; alone or beside LightGCN.

Paper     EasyRec: Simple yet Effective Language Models for Recommendation, arXiv:2408.08821.
Idea      If what a user likes and what an item is are said in words, and the encoder of both is tuned by contrast on
          who has what, then new users of new data can be ranked for by their words alone, and a graph model can be told
          what its users and items are.
Equation  e = f(x) / |f(x)|,  f(x) = x + W_2 gelu(W_1 x),  x an item's text vector, or the mean of a user's items'
          tuning:  InfoNCE(e_u, e_i) of train events, in batch, x_u without the item i of the event
          alone:  score(u, i) = e_u . e_i
          beside LightGCN, z its vectors:  BPR + weight (InfoNCE(z_u, g(e_u)) + InfoNCE(z_i, g(e_i))), g a network
Claim     Users who were held out whole are ranked for better by tuned profiles than by the text as it is, by profiles
          of other items and at random (experiment.unseen.held_out_users); and beside LightGCN (the parent) real
          profiles help, permuted ones (the placebo) do not.
Differs   No language model is tuned and none writes profiles: f is a small tower on frozen text vectors, under dropout,
          a user's profile the mean of their items'. No masked-word loss, no rewritten profiles, in-batch negatives
          alone. A user's profile in the paper's pairs is written with the item in it. Tuned on this dataset, not on six
          others. The contrast is symmetric, of 512 users and of as many items of a batch; no edges are dropped.
          LightGCN's sizes and recipe. The placebo permutes texts among the items, and a user's profile is the mean of
          their own items' permuted texts: who has what is still in it.
Reported  Zero-shot, full ranking, Sports: Recall@20 .0286 (small), .0518 (base), .0557 (large encoder).
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.data import Histories
from workbench.errors import UserError
from workbench.losses.contrast import info_nce
from workbench.nets.propagation import Edges, mean_propagation
from workbench.recommenders.graphs.over_lightgcn import (
    LIGHTGCN_RECIPE,
    check_graph_sizes,
    embedding_tables,
    train_edges,
)
from workbench.recommenders.graphs.propagated import GraphTables, LightPropagation, Vectors, graph_recommender, pairwise
from workbench.recommenders.text.profiles import item_profiles, profile_ranker, tuned_tower, user_profiles
from workbench.recommenders.triples import Triples
from workbench.stages import stage

PARENT = "lightgcn"
OFF = {"weight": 0.0}
PLACEBO = {"permuted": True}
RECIPE = LIGHTGCN_RECIPE
FEATURES, STEPS = 128, 200  # columns of TF-IDF vectors, and steps of the tuning
TAU = 0.5  # of the contrast with the graph
CONTRASTED = 512  # users and items of a batch, in its random order


def build(
    bench, *, vectors="text", tuned=True, tau=0.2, weight=0.03, alone=False, permuted=False, width=64, layers=3, l2=1e-3
):
    """Profiles beside LightGCN, or alone, for the bench's users and catalogue.

    vectors: a kind of item vectors, "text" (TF-IDF) or "sentence" (extra: text). tuned: with temperature tau; False
    takes the vectors as they are. weight: of the contrast with the graph; 0 is lightgcn. alone: without a graph, by the
    profile of the history that is given. permuted: the placebo, items have the text of others. The others as in
    lightgcn. UserError for a setting out of range, or where no item has text.
    """
    check_graph_sizes("easyrec", width, layers, l2)
    if not (tau > 0 <= weight):
        raise UserError(f"easyrec: {tau=} must be positive and {weight=} at least 0")
    if alone:
        steps = STEPS if tuned else 0
        return profile_ranker(texts(bench, vectors, permuted), steps=steps, tau=tau, seed=bench.seed)
    ego, edges = embedding_tables(bench, width), train_edges(bench)
    if not weight:
        return graph_recommender(GraphTables(ego, LightPropagation(edges, layers)), l2=l2)
    train = bench.split.train
    e = _profiles(texts(bench, vectors, permuted), train.offsets, train.items, STEPS if tuned else 0, tau, bench.seed)
    with bench.init("profiles"):
        module = GraphTables(ego, ProfiledPropagation(edges, layers, e, width))

    def loss(found: Vectors, triples: Triples, step: int) -> Tensor:
        total = pairwise(found, triples, step)
        for table, ids, first in ((found.user, triples.users, 0), (found.item, triples.items, len(found.user))):
            ids = ids[:CONTRASTED].unique()
            total = total + weight * info_nce(F.embedding(ids, table), module.propagation.profiles(first + ids), TAU)
        return total

    return graph_recommender(module, loss=loss, l2=l2)


def texts(bench, kind: str, permuted: bool) -> np.ndarray:
    """(I+1, F) vectors of the items' texts, row 0 zeros; permuted: the rows of others."""
    plain = bench.vectors(kind, dim=FEATURES)
    if not permuted:
        return plain
    return np.concatenate([plain[:1], plain[1:][bench.rng("permuted profiles").permutation(len(plain) - 1)]])


@stage("vectors")
def _profiles(plain, offsets, items, steps: int, tau: float, seed: int) -> np.ndarray:
    """(N, F) profiles of users, the unknown one (zeros), padding (zeros) and items."""
    train = Histories(offsets, items, np.arange(len(offsets) - 1, dtype=np.int32))
    tower = tuned_tower(plain, train, steps=steps, tau=tau, seed=seed)
    users = user_profiles(tower, plain, train)
    return np.concatenate([users, np.zeros_like(users[:1]), item_profiles(tower, plain)])


class ProfiledPropagation(nn.Module):
    """LightGCN's propagation, beside which g maps the profiles e (N, F) of all nodes to its width."""

    def __init__(self, edges: Edges, layers: int, e: np.ndarray, width: int):
        super().__init__()
        self.edges, self.layers, features = edges, layers, e.shape[1]
        self.register_buffer("e", torch.from_numpy(e * np.float32(features**0.5)), persistent=False)
        hidden = (features + width) // 2
        self.g = nn.Sequential(nn.Linear(features, hidden), nn.LeakyReLU(), nn.Linear(hidden, width))

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        return [x], mean_propagation(self.edges, x, self.layers)

    def profiles(self, nodes: Tensor) -> Tensor:
        """(n, D) g(e) of nodes (n,)."""
        return self.g(self.e[nodes])
