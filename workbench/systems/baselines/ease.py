"""EASE: a linear item-item model with a zero diagonal, solved in closed form.

Paper     Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, arXiv:1905.03375.
Idea      Ridge regression of every item on all others at once: P = (X'X + ridge I)^-1, B = I - P / diag(P) (eq. 8).
Claim     Weights of all items solved for jointly rank better than cosines of pairs (item_knn), which the paper holds to
          be the wrong similarity, and on most of its datasets better than deep models (here multivae).
Differs   float32, solved in place by Cholesky; the solution is recomputed after loading, so a saved run holds only the
          sparse X'X. With fewer users than items, the same system is solved in user space, in float64:
          P = (I - X'(XX' + ridge I)^-1 X) / ridge (Woodbury). Histories are read as sets, as in the paper.
          In item space the last 1,000 events of a train history of more than 5,000 count. How the default ridge was
          chosen is not recorded.
Reported  ML-20M, strong generalisation: NDCG@100 .420, Recall@20 .391. Nothing under leave-one-out.
"""
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from workbench.data import Histories
from workbench.data.graph import KEPT, LONG, binary_user_items, cooccurrence, shortened
from workbench.errors import UserError
from workbench.recommenders.count_based import CountBased, ScoreFunction, Statistics
from workbench.train.recipe import Recipe

PARENT = OFF = PLACEBO = None
PAIR = 20  # bytes of a count: in float64 with its index, then also in float32
ROWS = 2_000  # items processed at a time when solving in user space
RECIPE = Recipe()


def regularised_inverse(gram: csr_matrix, ridge: float) -> np.ndarray:
    """(gram + ridge I)^-1, dense, in the precision of gram and in place. UserError if it is singular."""
    import torch

    inverse = torch.from_numpy(gram.toarray())
    inverse.diagonal().add_(ridge)
    try:
        torch.linalg.cholesky(inverse, out=inverse)
    except RuntimeError as error:  # torch's LinAlgError
        problem = f"ease: the regularised Gram matrix is singular in {gram.dtype} with ridge={ridge}"
        raise UserError(f"{problem}; use a larger ridge", code=1) from error
    return torch.cholesky_inverse(inverse, out=inverse).numpy()


def item_weights(gram: csr_matrix, ridge: float) -> np.ndarray:
    """(I+1, I+1) float32 weights B, zero diagonal, from X'X. UserError if it is singular."""
    weights = regularised_inverse(gram, ridge)
    weights /= -weights.diagonal().copy()
    np.fill_diagonal(weights, 0)
    return weights


def user_space_inverse(seen: csr_matrix, ridge: float) -> tuple[np.ndarray, np.ndarray]:
    """(XX' + ridge I)^-1 (U, U) and the diagonal of ridge P (I+1,), both float64, from X (U, I+1). UserError if the
    matrix is singular."""
    inverse = regularised_inverse(seen @ seen.T, ridge)
    explained = np.zeros(seen.shape[1])
    for start in range(0, seen.shape[1], ROWS):
        block = seen[:, start : start + ROWS].T.tocsr()
        explained[start : start + ROWS] = block.multiply(block @ inverse).sum(axis=1).A1
    return inverse, 1 - explained


def build(bench: Any, *, ridge: float = 200.0, max_gb: float = 8.0) -> CountBased:
    """The EASE recommender, before fit.

    ridge: > 0, the L2 regularisation. max_gb: memory limit; UserError, before any work, if more would be needed.
    """
    items = bench.split.n_items
    users = len(bench.split.train)
    lengths = bench.split.train.lengths
    pairs = min((items + 1) ** 2, int((np.where(lengths > LONG, KEPT, lengths) ** 2).sum()))  # of items seen together
    dense, sparse = (8 * (items + 1) ** 2, PAIR * pairs) if users > items else (16 * users**2, 0)
    if dense + sparse > max_gb * 1e9:
        side, size = ("items", items) if users > items else ("users", users)
        counts = f" and {pairs:,} counts" if sparse else ""
        raise UserError(f"ease: {size:,} {side} need {(dense + sparse) / 1e9:.1f} GB (two dense matrices of {side} x "
                        f"{side}{counts}), above max_gb={max_gb}; raise it, or use item_knn, which is sparse")
    if ridge <= 0:
        raise UserError(f"ease: ridge must be positive, not {ridge}")
    return CountBased(
        compute_statistics=_statistics,
        make_scorer=lambda statistics: (_scorer if "gram" in statistics else _scorer_by_users)(statistics, ridge),
    )


def _statistics(split: Any) -> Statistics:
    if len(split.train) > split.n_items:
        return {"gram": cooccurrence(shortened(split.train, "ease"), split.n_items).astype(np.float32)}
    return {"seen": binary_user_items(split.train, split.n_items)}


def _scorer_by_users(statistics: Statistics, ridge: float) -> ScoreFunction:
    train = statistics["seen"]
    inverse, diagonal = user_space_inverse(train, ridge)

    def score(histories: Histories) -> np.ndarray:
        seen = binary_user_items(histories, train.shape[1] - 1)
        shared = (seen @ train.T) @ inverse  # (B, U), each row independent of the batch
        seen = seen.toarray()
        return seen - (seen - (train.T @ shared.T).T) / diagonal

    return score


def _scorer(statistics: Statistics, ridge: float) -> ScoreFunction:
    weights = item_weights(statistics["gram"], ridge)

    def score(histories: Histories) -> np.ndarray:
        return binary_user_items(histories, len(weights) - 1).astype(np.float32) @ weights

    return score
