"""BPR-MF: a vector for each user and item, learned so that what a user took scores above what they did not.

Paper     BPR: Bayesian Personalized Ranking from Implicit Feedback, UAI 2009, arXiv:1205.2618.
Idea      Of two items, the one that a user took should score higher; pairs are drawn, not absolute scores fitted.
Differs   Adam on batches of pairs, every train event once an epoch, instead of single steps on triples drawn with
          replacement; one weight for the penalty of all three vectors; bias=True adds a bias for each item.
Reported  MovieLens-1M, ratings of 3 and more, random 8:1:1, full ranking: NDCG@10 .2401, Recall@10 .1776 (in the tables
          released with RecBole-GNN).
"""
import torch
from torch import Tensor, nn

from workbench.errors import UserError
from workbench.recommenders.matrix_factorization import Factor
from workbench.train import Recipe, derive

PARENT = OFF = PLACEBO = None
RECIPE = Recipe(epochs=200, batch_size=256, lr=3e-3, patience=6, valid_every=5)


class Tables(nn.Module):
    """User ids (B,) to vectors (B, D).

    user: (U+1, D), the last row for whoever is unknown. item: (I+1, D). bias: (I+1, 1), or None.
    """

    def __init__(self, n_users: int, n_items: int, *, width: int, bias: bool):
        super().__init__()
        self.user, self.item = nn.Embedding(n_users + 1, width), nn.Embedding(n_items + 1, width, padding_idx=0)
        self.bias = nn.Embedding(n_items + 1, 1, padding_idx=0) if bias else None
        for table in (self.user, self.item):
            nn.init.normal_(table.weight, std=0.1)
        with torch.no_grad():
            self.item.weight[0] = 0
            if bias:
                self.bias.weight.zero_()

    def forward(self, users: Tensor) -> Tensor:
        return self.user(users)


def build(bench, *, width=64, bias=False, l2=0.02):
    """A factor model for the bench's users and catalogue.

    bias: whether items have one beside their vectors. l2: weight of the squared lengths of what a pair consists of.
    UserError if a setting is out of range.
    """
    if width < 1 or l2 < 0:
        raise UserError(f"bpr_mf: width must be positive and l2 at least 0, not width={width}, l2={l2}")
    with torch.random.fork_rng():
        torch.manual_seed(derive(bench.seed, "init"))
        module = Tables(bench.split.n_users, bench.split.n_items, width=width, bias=bias)
    return Factor(module, l2=l2)
