"""BPR-MF: matrix factorization trained with a pairwise loss that ranks observed items above unobserved ones.

Paper     BPR: Bayesian Personalized Ranking from Implicit Feedback, UAI 2009, arXiv:1205.2618.
Idea      An observed item should score above a sampled unobserved one; no absolute scores are fitted.
Equation  loss = -sum over (u, i, j) of ln sigmoid(w_u . h_i - w_u . h_j) + l2 (|w_u|^2 + |h_i|^2 + |h_j|^2)
Claim     Factors trained for the ranking itself rank better than popularity and than cosine neighbours of items
          (item_knn), as in the paper.
Differs   Adam on batches of pairs, every train event once per epoch, instead of single steps on triples sampled with
          replacement; one L2 weight for all three vectors; Xavier start weights; bias=True adds an item bias.
Reported  MovieLens-1M, ratings >= 3, random 8:1:1, full ranking: NDCG@10 .2401, Recall@10 .1776 (in the tables
          released with RecBole-GNN).
"""
from workbench.errors import UserError
from workbench.recommenders.matrix_factorization import PAIRS_RECIPE, EmbeddingTables, matrix_factorization

PARENT = OFF = PLACEBO = None
RECIPE = PAIRS_RECIPE


def build(bench, *, width=64, bias=False, l2=1e-3):
    """BPR-MF for the bench's users and catalogue.

    bias: whether items have a bias. l2: weight of the squared norms of the embeddings and biases of a pair.
    UserError if a setting is out of range.
    """
    if width < 1 or l2 < 0:
        raise UserError(f"bpr_mf: width must be positive and l2 at least 0, not width={width}, l2={l2}")
    with bench.init():
        module = EmbeddingTables(bench.split.n_users, bench.split.n_items, width=width, bias=bias)
    return matrix_factorization(module, l2=l2)
