"""XSimGCL: noise in the layers of LightGCN, and the last layers contrasted with an early one of the same pass.

Paper     XSimGCL: Towards Extremely Simple Graph Contrastive Learning for Recommendation, TKDE 2023, arXiv:2209.02544.
Idea      What contrast adds is vectors spread evenly, not the graph views of earlier methods. A little noise in every
          layer makes views for nothing, and one pass has both of them: the result and an early layer.
Equation  E(k) = A^ E(k-1) + eps sign(A^ E(k-1)) * d / |d|, d uniform in (0, 1) by row;  E = mean_k E(k), k = 1..K
          loss = BPR + lambda (InfoNCE(E_u, E(l)_u) + InfoNCE(E_i, E(l)_i)) + l2, cosines / tau, a batch's users, items:
          of each row of E the row of E(l) of the same node is told from those of the others
Claim     The contrast ranks better than LightGCN (the parent); a contrast of each vector with itself, which spreads
          vectors as well but has no second view (the placebo), does not.
Differs   The parent is LightGCN with layer 0 in its mean, as published; first=True keeps layer 0 here too. eps = lambda
          = 0 alone is LightGCN without layer 0. l2 is of the rows that are learnt, in the release of propagated ones.
Reported  Yelp2018 Recall@20 .0723, NDCG@20 .0604 (LightGCN .0639, .0525); MovieLens-1M, ratings >= 3, random 8:1:1:
          Recall@10 .2116, NDCG@10 .2750 (LightGCN .1861, .2538; in the tables released with RecBole-GNN).
"""
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.errors import UserError
from workbench.nets.graphs.noisy_layers import noisy_layers
from workbench.nets.propagation import Edges
from workbench.recommenders.graphs.one_way_contrast import looked_up_once, one_way_info_nce
from workbench.recommenders.graphs.over_lightgcn import (
    LIGHTGCN_RECIPE,
    check_graph_sizes,
    embedding_tables,
    train_edges,
)
from workbench.recommenders.graphs.propagated import (
    GraphTables,
    LightPropagation,
    Vectors,
    graph_recommender,
    pairwise,
)
from workbench.recommenders.triples import Triples

PARENT = "lightgcn"
OFF = {"contrast": 0.0, "noise": 0.0, "first": True}
PLACEBO = {"itself": True}
RECIPE = LIGHTGCN_RECIPE


def build(
    bench, *, contrast=0.1, noise=0.2, layer=1, tau=0.2, first=False, itself=False, width=64, layers=3, l2=1e-3
):
    """LightGCN with noisy layers and their contrast, for the bench's users and catalogue.

    contrast: lambda. noise: eps, the length of the noise of a row. layer: l. first: whether layer 0 is in the mean.
    itself: the placebo. The others as in lightgcn. UserError for a setting out of range.
    """
    check_graph_sizes("xsimgcl", width, layers, l2)
    if not (contrast >= 0 <= noise and tau > 0 and 1 <= layer <= layers):
        raise UserError(f"xsimgcl: {contrast=} and {noise=} are 0 or more, {tau=} above 0, {layer=} from 1 to {layers}")
    edges, ego = train_edges(bench), embedding_tables(bench, width)
    if first and not noise and not contrast:
        return graph_recommender(GraphTables(ego, LightPropagation(edges, layers)), l2=l2)

    def loss(vectors: Vectors, triples: Triples, step: int) -> Tensor:
        batch, ids, nodes = looked_up_once(vectors, triples)
        value = pairwise(batch, ids, step)
        if not contrast:
            return value
        scored = [batch.user, F.embedding(ids.items.unique(), batch.item)]
        early = scored if itself else F.embedding(nodes, vectors.layers[0]).split([len(side) for side in scored])
        return value + contrast * sum(one_way_info_nce(*views, tau) for views in zip(scored, early))

    return graph_recommender(GraphTables(ego, NoisyPropagation(edges, layers, layer, noise, first)), loss=loss, l2=l2)


class NoisyPropagation(nn.Module):
    """x (N, D) to an early layer, and the mean of all, with layer 0 or without; noise is added to them in training."""

    def __init__(self, edges: Edges, layers: int, early: int, noise: float, first: bool):
        super().__init__()
        self.edges, self.layers, self.early, self.noise, self.first = edges, layers, early, noise, first

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        noise = self.noise if self.training else 0.0
        early, mean = noisy_layers(self.edges, x, self.layers, early=self.early, noise=noise, first=self.first)
        return [early], mean
