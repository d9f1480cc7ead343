"""BPR-MF: matrix factorization trained with a pairwise loss that ranks observed items above unobserved ones.

Paper     BPR: Bayesian Personalized Ranking from Implicit Feedback, UAI 2009, arXiv:1205.2618.
Idea      An observed item should score above a sampled unobserved one; no absolute scores are fitted.
Equation  loss = -sum over (u, i, j) of ln sigmoid(w_u . h_i - w_u . h_j) + l2 (|w_u|^2 + |h_i|^2 + |h_j|^2)
Differs   Adam on batches of pairs, every train event once per epoch, instead of single steps on triples sampled with
          replacement; one L2 weight for all three vectors; Xavier start weights; bias=True adds an item bias.
Reported  MovieLens-1M, ratings >= 3, random 8:1:1, full ranking: NDCG@10 .2401, Recall@10 .1776 (in the tables
          released with RecBole-GNN).
"""
import torch
from torch import Tensor, nn

from workbench.errors import UserError
from workbench.recommenders.matrix_factorization import matrix_factorization
from workbench.train import Recipe

PARENT = OFF = PLACEBO = None
RECIPE = Recipe(
    epochs=200, batch_size=256, lr=3e-3, patience=6, valid_every=5,
    sizes={"small": {"lr": 1e-2, "patience": 3, "valid_every": 2}},
)  # fmt: skip


class EmbeddingTables(nn.Module):
    """User ids (B,) to user embeddings (B, D).

    user: (U+1, D), the last row for unknown users. item: (I+1, D). bias: (I+1, 1), or None.
    """

    def __init__(self, n_users: int, n_items: int, *, width: int, bias: bool):
        super().__init__()
        self.user, self.item = nn.Embedding(n_users + 1, width), nn.Embedding(n_items + 1, width, padding_idx=0)
        self.bias = nn.Embedding(n_items + 1, 1, padding_idx=0) if bias else None
        for table in (self.user, self.item):
            nn.init.xavier_normal_(table.weight)  # small where a catalogue is large: a wide start learns slowly
        with torch.no_grad():
            self.item.weight[0] = 0
            if bias:
                self.bias.weight.zero_()

    def forward(self, users: Tensor) -> Tensor:
        return self.user(users)


def build(bench, *, width=64, bias=False, l2=0.02):
    """BPR-MF for the bench's users and catalogue.

    bias: whether items have a bias. l2: weight of the squared norms of the embeddings and biases of a pair.
    UserError if a setting is out of range.
    """
    if width < 1 or l2 < 0:
        raise UserError(f"bpr_mf: width must be positive and l2 at least 0, not width={width}, l2={l2}")
    with bench.init():
        module = EmbeddingTables(bench.split.n_users, bench.split.n_items, width=width, bias=bias)
    return matrix_factorization(module, l2=l2)
