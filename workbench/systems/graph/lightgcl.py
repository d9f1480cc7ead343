"""LightGCL: LightGCN's vectors are contrasted with those that a low-rank approximation of the graph makes of them.

Paper     LightGCL: Simple Yet Effective Graph Contrastive Learning for Recommendation, ICLR 2023, arXiv:2302.08191.
Idea      A view for contrast should keep what all users have in common. The few largest singular vectors of the edges
          do, where edges dropped at random lose structure.
Equation  A^ = U S V' its q largest singular values;  E(l) = A E(l-1), edges dropped in training
          E = mean_l E(l);  G_u = mean(E(0)_u, U S V' E(l-1)_i), G_i = mean(E(0)_i, V S U' E(l-1)_u), l = 1..L
          loss = BPR + lambda (InfoNCE(G_u, E_u) + InfoNCE(G_i, E_i)) + l2
Claim     Ranks better than LightGCN (the parent), and than with random vectors in the place of the singular ones and
          the same singular values (the placebo).
Differs   Cosines among a batch's users and among its items, in both directions, in place of clamped products with all
          nodes. Means of layers in place of sums, as in lightgcn.
Reported  Recall@20, NDCG@20: Yelp .0793, .0668; Gowalla .1578, .0935; MovieLens-10M .2613, .3106. In the tables
          released with RecBole-GNN it is below LightGCN on MovieLens-1M (NDCG@10 .2479, .2538).
"""
import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from workbench.errors import UserError
from workbench.nets.propagation import Edges, mean_of, propagate
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
from workbench.train import named_rng

PARENT = "lightgcn"
OFF = {"contrast": 0.0, "dropout": 0.0}
PLACEBO = {"random": True}
RECIPE = LIGHTGCN_RECIPE


def build(bench, *, contrast=0.1, rank=5, tau=0.2, dropout=0.0, random=False, width=64, layers=3, l2=1e-3):
    """LightGCN contrasted with its low-rank view, for the bench's users and catalogue.

    contrast: lambda. rank: q. dropout: share of edges left out of a training pass. random: the placebo. The others as
    in lightgcn. UserError for a setting out of range.
    """
    check_graph_sizes("lightgcl", width, layers, l2)
    most = min(bench.split.n_users, bench.split.n_items)
    if not (contrast >= 0 and tau > 0 and 0 <= dropout < 1 and 1 <= rank <= most):
        raise UserError(f"lightgcl: {contrast=} is 0 or more, {tau=} above 0, 0 <= {dropout=} < 1, {rank=} from 1 to "
                        f"{most:,}, the smaller side of the graph")  # fmt: skip
    edges, ego = train_edges(bench), embedding_tables(bench, width)
    if not contrast and not dropout:
        return graph_recommender(GraphTables(ego, LightPropagation(edges, layers)), l2=l2)
    users = bench.split.n_users + 1
    low = singular_vectors(edges, users, rank, bench.seed)
    if random:
        low = random_vectors(low, bench.seed)

    def loss(vectors: Vectors, triples: Triples, step: int) -> Tensor:
        value = pairwise(vectors, triples, step)
        return value + contrast * contrast_of_batch(vectors, vectors.layers[0], triples, tau) if contrast else value

    return graph_recommender(GraphTables(ego, TwoViews(edges, low, layers, dropout)), loss=loss, l2=l2)


class TwoViews(nn.Module):
    """x (N, D) to its low-rank view, in training, and the mean of its layers. low: U (U+1, q), S (q,), V (I+1, q)."""

    def __init__(self, edges: Edges, low: tuple[np.ndarray, np.ndarray, np.ndarray], layers: int, dropout: float):
        super().__init__()
        self.edges, self.layers, self.dropout = edges, layers, dropout
        for name, array in zip("usv", low):
            self.register_buffer(name, torch.from_numpy(array.astype(np.float32)), persistent=False)

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        values = F.dropout(self.edges.values, self.dropout, self.training) if self.dropout else None
        found = propagate(self.edges, x, self.layers, values=values)
        if not self.training:
            return [], mean_of(found)
        return [(x + self.low_rank(sum(found[:-1]))) / len(found)], mean_of(found)

    def low_rank(self, x: Tensor) -> Tensor:
        """(N, D) users from items by U S V', items from users by V S U'."""
        user, item = x.split([len(self.u), len(self.v)])
        return torch.cat([self.u * self.s @ (self.v.T @ item), self.v * self.s @ (self.u.T @ user)])


def singular_vectors(edges: Edges, users: int, rank: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """U (users, q), S (q,), V (items, q) of the largest singular values of the edges from users to items."""
    from sklearn.utils.extmath import randomized_svd

    ends = edges.row.numpy(), edges.column.numpy()
    block = csr_matrix((edges.values.numpy(), ends), edges.shape)[:users, users:]
    u, s, v = randomized_svd(block, rank, n_iter=5, random_state=seed % 2**32)
    return u, s, v.T


def random_vectors(low: tuple[np.ndarray, np.ndarray, np.ndarray], seed: int) -> tuple:
    """Orthonormal vectors of random directions in the place of the singular ones."""
    rng = named_rng(seed, "random vectors")
    u, v = (np.linalg.qr(rng.normal(size=side.shape))[0] for side in (low[0], low[2]))
    return u, low[1], v
