"""CM3: vectors of users and items spread over the sphere, items the less apart the more alike their text and image are.

Paper     CM3: Calibrating Multimodal Recommendation, arXiv:2508.01226.
Idea      A uniformity loss drives all items apart, also those of like content, which the same users want. Calibrate it:
          a pair repels by how unlike the two items are in a mixture of their views that stays on the sphere.
Equation  item i = [t, v, f], each of length 1: t and v networks of its two views, f = slerp(W_t x, W_v x, p) =
          sin(p w) / sin w W_t x + sin((1 - p) w) / sin w W_v x, w the angle of the two (normalised), p ~ Beta(a, a)
          LightGCN of this and of users [p_t, p_v, p_f]; then users' parts times softmax(theta_u), items + S items, S
          the graph of nearest neighbours;  u, i, j normalised
          L = |u - i|^2 + gamma / 2 (log mean exp(-2 |u - u'|^2) + log mean exp(-2 (|j - j'|^2 - 2 + 2 s_jj')))
          s = the cosine of f_j and f_j', from 0 up to a ceiling; j the sampled items
Claim     Calibrated uniformity ranks better than plain (similarity="none", s = 1), than LightGCN with BPR (the parent)
          and than the same with the content of other items (the placebo).
Differs   s is held fixed in a step: the loss would be lowered by calling all items alike, and in the release, which
          lets it (similarity="learnt"), s ends at its ceiling for most pairs, and nothing is calibrated. The second
          view is by default the words of category and brand, also where there are images, which second="image" takes.
          What is served has p = 1/2; the release serves the pass of the last batch with its random p. A neighbour is
          never the item itself. Means of layers in place of sums, which changes no ranking. Of a batch at most 512
          users, and as many items, repel each other. LightGCN's recipe. Without views (first="none") it is lightgcn,
          with a table of items, BPR and l2, which does nothing elsewhere.
Reported  Up to 5.4 % NDCG@20 over its best baseline, with features of a multimodal language model (Baby, Sports,
          Clothing and two more, random 8:1:1, full ranking); no other figures at hand.
"""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.embed.knn_graph import item_knn_graph
from workbench.errors import UserError, unknown_name
from workbench.losses.uniformity import alignment, calibrated_uniformity, uniformity
from workbench.nets.item_views import ItemViews
from workbench.nets.propagation import Edges, mean_propagation, normalise
from workbench.recommenders.graphs.item_views import item_views
from workbench.recommenders.graphs.over_lightgcn import (
    LIGHTGCN_RECIPE,
    check_graph_sizes,
    embedding_tables,
    train_edges,
)
from workbench.recommenders.graphs.propagated import GraphTables, LightPropagation, Vectors, graph_recommender, rows
from workbench.recommenders.triples import Triples

PARENT = "lightgcn"
OFF = {"first": "none"}
PLACEBO = {"permuted": True}
RECIPE = LIGHTGCN_RECIPE
SIMILARITIES = ("fixed", "learnt", "none")
NEIGHBOURS, OF_SECOND = 10, 0.1  # of an item in each view, and the weight of the second view's
REPELLED = 512  # users and items of a batch, in its random order, of which all pairs are compared


def build(
    bench, *, first="text", second="category", gamma=0.5, mixing=0.5, ceiling=1.0, similarity="fixed", permuted=False,
    width=64, layers=3, l2=1e-3,
):  # fmt: skip
    """Calibrated uniformity of multimodal vectors, for the bench's users and catalogue.

    first, second: kinds of item vectors, of two views; first="none" is lightgcn. gamma: weight of uniformity. mixing:
    a of Beta(a, a). ceiling: the most that s is, up to 1. similarity: "fixed", "learnt", which lets the loss move s, or
    "none", plain uniformity. permuted: the placebo. width: of each of the three parts. layers, l2: as in lightgcn.
    UserError for an unknown name or a setting out of range.
    """
    check_graph_sizes("cm3", width, layers, l2)
    if not (gamma >= 0 < mixing and 0 < ceiling <= 1):
        raise UserError(f"cm3: {gamma=} must be at least 0, {mixing=} positive, {ceiling=} above 0 and at most 1")
    if similarity not in SIMILARITIES:
        raise unknown_name("similarity", similarity, SIMILARITIES)
    edges = train_edges(bench)
    if first == "none":
        return graph_recommender(GraphTables(embedding_tables(bench, width), LightPropagation(edges, layers)), l2=l2)
    views = item_views(bench, first, second, permuted=permuted)
    graphs = [normalise(item_knn_graph(view, NEIGHBOURS).sign(), "row") for view in views]
    with bench.init():
        ego = ViewTables(bench.split.n_users, ItemViews(*views, width, mixing), width)
    near = Edges((1 - OF_SECOND) * graphs[0] + OF_SECOND * graphs[1])
    module = GraphTables(ego, CM3Propagation(edges, near, layers, bench.split.n_users + 1))

    def loss(vectors: Vectors, triples: Triples, step: int) -> Tensor:
        users, items, sampled = rows(vectors, triples)
        some, ids = sampled[:REPELLED], triples.negatives[:REPELLED]
        fused = F.embedding(ids, vectors.layers[0])
        s = None if similarity == "none" else alike(fused.detach() if similarity == "fixed" else fused, ceiling)
        return alignment(users, items) + gamma / 2 * (uniformity(users[:REPELLED]) + calibrated_uniformity(some, s))

    return graph_recommender(module, loss=loss)


def alike(fused: Tensor, ceiling: float) -> Tensor:
    """(n, n) s of items by their mixtures (n, D), of length 1."""
    return (fused @ fused.T).clamp(0, ceiling)


class ViewTables(nn.Module):
    """What is learnt before propagation: a vector of three parts for each user, and the networks of the items."""

    def __init__(self, n_users: int, item: ItemViews, width: int):
        super().__init__()
        self.user, self.item = nn.Embedding(n_users + 1, 3 * width), item
        nn.init.xavier_normal_(self.user.weight)


class CM3Propagation(nn.Module):
    """x (N, 3 D) to [mixtures of the items (I+1, D)] and what is scored, (N, 3 D). users: how many rows are theirs."""

    def __init__(self, edges: Edges, near: Edges, layers: int, users: int):
        super().__init__()
        self.edges, self.near, self.layers = edges, near, layers
        self.theta = nn.Parameter(torch.zeros(users, 3))

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        parts = x.unflatten(1, (3, -1))  # (N, 3, D)
        fused = parts[len(self.theta) :, 2]
        x = F.normalize(parts, dim=2).flatten(1)
        users, items = mean_propagation(self.edges, x, self.layers).split([len(self.theta), len(fused)])
        users = (users.unflatten(1, (3, -1)) * self.theta.softmax(1)[:, :, None]).flatten(1)
        return [fused], torch.cat([users, items + self.near(items)])
