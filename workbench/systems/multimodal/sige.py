"""SIGE: graphs of items alike in content are given edges of items bought together, and what they say is aligned.

Paper     After the abstract of Semantic Item Graph Enhancement for Multimodal Recommendation, arXiv:2508.06154.
Idea      Neighbours by text or image are seldom bought together. Infuse co-occurrence into each graph of neighbours,
          learn to bear noise in what it gives, the stronger the larger a vector is, and align it with behaviour.
Equation  S'_m = top_k(S_m + alpha C),  S_m cosines of the k nearest by view m,  C_ij = c_ij / sqrt(c_i c_j) / max_j
          item: h_m = S'_m (e * sigmoid(W_m x_m)), e the item table;  user: the mean h_m of their items;  h = mean_m
          score = (b_u + h_u) . (b_i + h_i),  b LightGCN of the tables;  noise(h) = h + delta |h| / mean|h| r, |r| = 1
          L = BPR, l2 + noise InfoNCE(noise(h), noise'(h)) + anchor sum_m InfoNCE(sg(b), h_m) + fused InfoNCE(b, h)
Claim     Infused graphs rank better than those of content alone (alpha = 0), than with edges that keep only how many
          each item has (the placebo), and all of it better than LightGCN (the parent).
Differs   No code and no equations at hand: h, the weights, what is scored and what is held fixed (sg) are ours. Of C
          each item keeps its k strongest. Contrasts are of 512 users and of as many items of a batch. The second view
          is by default the words of category and brand, also where there are images, which second="image" takes.
          LightGCN's recipe. Without views (first="none") it is lightgcn.
Reported  Four datasets of the kind of Baby, Sports and Clothing, Recall and NDCG@10 and @20: no figures at hand.
"""
import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from workbench.data import Split
from workbench.embed.knn_graph import item_knn_graph
from workbench.errors import UserError
from workbench.losses.contrast import info_nce
from workbench.nets.propagation import Edges, mean_propagation, normalise
from workbench.recommenders.graphs.item_graphs import co_occurrence, infused, rewired_graph, strongest
from workbench.recommenders.graphs.item_views import item_views
from workbench.recommenders.graphs.over_lightgcn import (
    LIGHTGCN_RECIPE,
    check_graph_sizes,
    embedding_tables,
    train_edges,
    train_pairs,
)
from workbench.recommenders.graphs.propagated import GraphTables, LightPropagation, Vectors, graph_recommender, pairwise
from workbench.recommenders.triples import Triples
from workbench.train import named_rng

PARENT = "lightgcn"
OFF = {"first": "none"}
PLACEBO = {"rewired": True}
RECIPE = LIGHTGCN_RECIPE
NEIGHBOURS, DELTA, TAU = 10, 0.1, 0.2  # edges of an item in each graph, size of the noise, temperature
CONTRASTED = 512  # users and items of a batch, in its random order


def build(
    bench, *, first="text", second="category", alpha=2.0, noise=0.01, anchor=0.01, fused=0.01, rewired=False, width=64,
    layers=3, l2=1e-3,
):  # fmt: skip
    """LightGCN beside infused graphs of content, for the bench's users and catalogue.

    first, second: kinds of item vectors, of two views; first="none" is lightgcn. alpha: weight of co-occurrence in the
    graphs, where cosines are at most 1, as is an item's strongest co-occurrence: the larger, the fewer neighbours by
    content are left. noise, anchor, fused: weights of the contrasts. rewired: the placebo, co-occurrence has other
    ends. The others as in lightgcn. UserError for a setting out of range.
    """
    check_graph_sizes("sige", width, layers, l2)
    weights = {"alpha": alpha, "noise": noise, "anchor": anchor, "fused": fused}
    if wrong := [f"{name}={weight}" for name, weight in weights.items() if not weight >= 0]:
        raise UserError(f"sige: {', '.join(wrong)}: weights are 0 or more")
    ego, edges = embedding_tables(bench, width), train_edges(bench)
    if first == "none":
        return graph_recommender(GraphTables(ego, LightPropagation(edges, layers)), l2=l2)
    views = item_views(bench, first, second)
    together = strongest(co_occurrence(bench.split), NEIGHBOURS)
    if rewired:
        together = rewired_graph(together, bench.rng("rewired"))
    graphs = [infused(item_knn_graph(view, NEIGHBOURS), together, alpha, NEIGHBOURS) for view in views]
    with bench.init("semantics"):
        propagation = SemanticPropagation(edges, layers, graphs, views, bench.split, width)

    def loss(vectors: Vectors, triples: Triples, step: int) -> Tensor:
        total, rng = pairwise(vectors, triples, step), named_rng(bench.seed, "noise", step)
        users, items = (ids[:CONTRASTED].unique() for ids in triples[:2])
        for ids in (users, items + bench.split.n_users + 1):
            b, h, *of_views = (F.embedding(ids, layer) for layer in vectors.layers)
            if noise:
                total = total + noise * info_nce(*(h + norm_scaled(h, DELTA, rng) for _ in range(2)), TAU)
            if anchor:
                total = total + anchor * sum(info_nce(b.detach(), of_view, TAU) for of_view in of_views)
            if fused:
                total = total + fused * info_nce(b, h, TAU)
        return total

    return graph_recommender(GraphTables(ego, propagation), loss=loss, l2=l2)


def norm_scaled(h: Tensor, delta: float, rng: np.random.Generator) -> Tensor:
    """(n, D) noise of random directions, of length delta |h| / mean |h| for each row of h (n, D)."""
    directions = torch.from_numpy(rng.standard_normal(h.shape, np.float32)).to(h.device)
    length = h.detach().norm(dim=1, keepdim=True)
    return F.normalize(directions, dim=1) * delta * length / length.mean().clamp_min(1e-12)


class SemanticPropagation(nn.Module):
    """x (N, D) to [b, h, h_1, ...] and b + h, (N, D) each. graphs: S' of each view. views: (I+1, F) each."""

    def __init__(
        self, edges: Edges, layers: int, graphs: list[csr_matrix], views: list[np.ndarray], split: Split, width: int
    ):
        super().__init__()
        self.edges, self.layers = edges, layers
        self.graphs = nn.ModuleList(Edges(normalise(graph, "row")) for graph in graphs)
        self.gates = nn.ModuleList(ContentGate(view, width) for view in views)
        self.to_users = Edges(mean_of_items(split))

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        behaviour, table = mean_propagation(self.edges, x, self.layers), x[self.to_users.shape[0] :]
        items = [graph(gate(table)) for graph, gate in zip(self.graphs, self.gates)]
        users = self.to_users(torch.cat(items, 1)).chunk(len(items), 1)
        views = [torch.cat(pair) for pair in zip(users, items)]
        fused = sum(views) / len(views)
        return [behaviour, fused, *views], behaviour + fused


class ContentGate(nn.Module):
    """Item vectors (I+1, D) times what the content of each lets through, sigmoid(W x), of its view (I+1, F)."""

    def __init__(self, view: np.ndarray, width: int):
        super().__init__()
        scaled = torch.from_numpy(view.astype(np.float32) * view.shape[1] ** 0.5)
        self.register_buffer("view", scaled, persistent=False)
        self.linear = nn.Linear(view.shape[1], width)

    def forward(self, table: Tensor) -> Tensor:
        return table * torch.sigmoid(self.linear(self.view))


def mean_of_items(split: Split) -> csr_matrix:
    """(U+1, I+1): a user's row has 1 / n at each of their n items in train; the unknown user's is empty."""
    users, items = train_pairs(split)
    return normalise(csr_matrix((np.ones(len(users)), (users, items)), (split.n_users + 1, split.n_items + 1)), "row")
