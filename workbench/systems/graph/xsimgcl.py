"""XSimGCL: noise in the layers of LightGCN, and the last layers contrasted with an early one of the same pass.

Paper     XSimGCL: Towards Extremely Simple Graph Contrastive Learning for Recommendation, TKDE 2023, arXiv:2209.02544.
Idea      What contrast adds is vectors spread evenly, not the graph views of earlier methods. A little noise in every
          layer makes views for nothing, and one pass has both of them: the result and an early layer.
Equation  E(k) = A^ E(k-1) + eps sign(A^ E(k-1)) * d / |d|, d uniform in (0, 1) by row;  E = mean_k E(k), k = 1..K
          loss = BPR + lambda (InfoNCE(E_u, E(l)_u) + InfoNCE(E_i, E(l)_i)) + l2, cosines / tau, a batch's users, items
Claim     The contrast ranks better than LightGCN (the parent); a contrast of each vector with itself, which spreads
          vectors as well but has no second view (the placebo), does not.
Differs   The parent is LightGCN with layer 0 in its mean, as published; first=True keeps layer 0 here too. eps = lambda
          = 0 alone is LightGCN without layer 0.
Reported  Yelp2018 Recall@20 .0723, NDCG@20 .0604 (LightGCN .0639, .0525); MovieLens-1M, ratings >= 3, random 8:1:1:
          Recall@10 .2116, NDCG@10 .2750 (LightGCN .1861, .2538; in the tables released with RecBole-GNN).
"""
import torch
from torch import Tensor, nn

from workbench.errors import UserError
from workbench.nets.propagation import Edges, mean_of, propagate, signed_noise
from workbench.recommenders.graphs.batch_contrast import contrast_of_batch
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
        value = pairwise(vectors, triples, step)
        if not contrast:
            return value
        early = torch.cat([vectors.user, vectors.item]) if itself else vectors.layers[layer]
        return value + contrast * contrast_of_batch(vectors, early, triples, tau)

    return graph_recommender(GraphTables(ego, NoisyPropagation(edges, layers, noise, first)), loss=loss, l2=l2)


class NoisyPropagation(nn.Module):
    """x (N, D) to its layers, to which noise is added in training, and their mean, with layer 0 or without."""

    def __init__(self, edges: Edges, layers: int, noise: float, first: bool):
        super().__init__()
        self.edges, self.layers, self.noise, self.first = edges, layers, noise, first

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        noisy = self.training and self.noise
        found = propagate(self.edges, x, self.layers, after=self.disturbed if noisy else None)
        return found, mean_of(found if self.first else found[1:])

    def disturbed(self, x: Tensor, layer: int) -> Tensor:
        return x + signed_noise(x, self.noise)
