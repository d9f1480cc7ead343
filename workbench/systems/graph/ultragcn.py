"""UltraGCN: no propagation at all; what infinitely many layers would agree on becomes weights of a plain loss.

Paper     UltraGCN: Ultra Simplification of Graph Convolutional Networks for Recommendation, CIKM 2021, arXiv
          2110.15114.
Idea      At the limit of message passing a user's vector is a weighted sum of its items'. Ask for that in the loss, by
          weights of the degrees, and for users to be near the items that often go together with theirs.
Equation  beta_ui = sqrt((d_u + 1) / (d_i + 1)) / d_u;  G = R'R, g_i = sum_j G_ij, omega_ij = G_ij / (g_i - G_ii)
          sqrt(g_i / g_j);  S(i) the 10 items j of largest omega_ij
          loss, of a pair: - (c + beta_ui) log s(u.i) - (w / M) sum over M negatives of (c + beta_uj) log s(-u.j)
          - lambda sum over j in S(i) of omega_ij log s(u.j),  s the logistic function, + l2
Claim     The weights and the neighbours rank better than the same loss without them (degrees=False, neighbours=0),
          and than those of other users and items (the placebo).
Differs   One weight c = 1 in place of four that are tuned for each dataset, beta in units of its mean over the train
          pairs; M = 100. Means over a batch in place of sums. As in the release, tables start at 1/1000: on
          Electronics that is better than a wide start, on Last.fm nothing is seen of it (reports/LOG.md).
Reported  Recall@20, NDCG@20: Amazon Electronics .1368, .0829; CDs .1622, .1043; MovieLens-1M .2787, .2642; Gowalla
          .1862, .1580 (LightGCN .1830, .1554).
"""
import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_matrix
from torch import Tensor

from workbench.errors import UserError
from workbench.recommenders.graphs.over_lightgcn import (
    LIGHTGCN_RECIPE,
    check_graph_sizes,
    embedding_tables,
    train_pairs,
)
from workbench.recommenders.graphs.propagated import GraphTables, NoPropagation, Vectors, graph_recommender, rows
from workbench.recommenders.triples import Triples
from workbench.train import named_rng

PARENT = None
OFF = {"degrees": False, "neighbours": 0.0}
PLACEBO = {"permuted": True}
RECIPE = LIGHTGCN_RECIPE
NEAREST = 10


def build(
    bench, *, degrees=True, plain=1.0, neighbours=1.0, negatives=100, weight=10.0, start=1e-3, permuted=False, width=64,
    l2=1e-3,
):  # fmt: skip
    """Logistic matrix factorization by the weights of UltraGCN, for the bench's users and catalogue.

    degrees: whether pairs are weighed by c + beta. plain: c. neighbours: lambda. negatives: M. weight: w, of their
    mean. start: standard deviation of the tables before training. permuted: the placebo. width, l2: as in lightgcn.
    UserError for a setting out of range.
    """
    check_graph_sizes("ultragcn", width, 1, l2)
    if negatives < 1 or not (plain >= 0 <= weight and neighbours >= 0 < start):
        raise UserError(f"ultragcn: {negatives=} is 1 or more, {plain=}, {neighbours=} and {weight=} are 0 or more, "
                        f"{start=} is above 0")  # fmt: skip
    split = bench.split
    users, items = train_pairs(split)
    seen = csr_matrix((np.ones(len(users)), (users, items)), (split.n_users, split.n_items + 1))
    of_user, of_item = degree_weights(seen)
    nearest, omega = neighbour_weights(seen, NEAREST)
    if permuted:
        rng = named_rng(bench.seed, "permuted")
        of_user, of_item = rng.permutation(of_user), rng.permutation(of_item)
        nearest = nearest[np.concatenate([[0], 1 + rng.permutation(split.n_items)])]
    mean = (of_user[users] * of_item[items]).mean()
    beta_u, beta_i, omega = (torch.from_numpy(array.astype(np.float32)) for array in (of_user / mean, of_item, omega))
    nearest = torch.from_numpy(nearest)

    def loss(vectors: Vectors, triples: Triples, step: int) -> Tensor:
        u, i, j = rows(vectors, triples if negatives > 1 else triples._replace(negatives=triples.negatives[:, None]))
        positive, negative = -F.logsigmoid((u * i).sum(1)), -F.logsigmoid(-(j @ u[:, :, None])[..., 0])
        if degrees:
            own = beta_u.to(u.device)[triples.users]
            positive = positive * (plain + own * beta_i.to(u.device)[triples.items])
            negative = negative * (plain + own[:, None] * beta_i.to(u.device)[triples.negatives].view(len(u), -1))
        value = positive.mean() + weight * negative.mean() + l2 * (u.square().sum() + i.square().sum()) / len(u)
        if not neighbours:
            return value
        near = F.embedding(nearest.to(u.device)[triples.items], vectors.item)  # (B, 10, D)
        likelihood = F.logsigmoid((near @ u[:, :, None])[..., 0])
        return value - neighbours * (omega.to(u.device)[triples.items] * likelihood).sum(1).mean()

    tables = embedding_tables(bench, width)
    for table in tables.parameters():
        table.data *= start / table.data.std()
    module = GraphTables(tables, NoPropagation())
    return graph_recommender(module, loss=loss, negatives=negatives)


def degree_weights(seen: csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """The factors of beta of a 0/1 matrix of users and items (U, I+1): sqrt(d_u + 1) / d_u (U,), 1 / sqrt(d_i + 1)."""
    d_u, d_i = np.asarray(seen.sum(1)).ravel(), np.asarray(seen.sum(0)).ravel()
    return np.sqrt(d_u + 1) / np.maximum(d_u, 1), 1 / np.sqrt(d_i + 1)


def neighbour_weights(seen: csr_matrix, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(I+1, k) the items of the largest omega of each item, and omega; item 0 and omega 0 where there are fewer."""
    together = (seen.T @ seen).tocsr()
    total, own = np.asarray(together.sum(1)).ravel(), together.diagonal()
    together = together.tocoo()
    i, j = together.row, together.col
    others = (total - own)[i]
    keep = (i != j) & (others > 0)
    i, j, others, value = i[keep], j[keep], others[keep], together.data[keep]
    omega = value / others * np.sqrt(total[i] / total[j])
    order = np.lexsort([-omega, i])
    i, j, omega = i[order], j[order], omega[order]
    rank = np.arange(len(i)) - np.searchsorted(i, i)
    nearest, weights = np.zeros((seen.shape[1], k), np.int64), np.zeros((seen.shape[1], k))
    top = rank < k
    nearest[i[top], rank[top]], weights[i[top], rank[top]] = j[top], omega[top]
    return nearest, weights
