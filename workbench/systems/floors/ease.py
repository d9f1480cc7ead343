"""EASE: the best linear item-item model with a zero diagonal, in closed form.

Paper     Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, arXiv:1905.03375.
Idea      Ridge regression of every item on all others at once: P = (X'X + ridge I)^-1, B = I - P / diag(P) (eq. 8).
Differs   float32, solved in place by Cholesky; the solution is made again after loading, so a saved run holds only the
          sparse X'X. Histories are read as sets, as in the paper.
Reported  ML-20M, strong generalisation: NDCG@100 .420, Recall@20 .391. Nothing under leave-one-out.
"""
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from workbench.data import Histories
from workbench.data.graph import cooccurrence, user_items
from workbench.errors import UserError
from workbench.recommenders.scored import Learned, Scored, ScoreRows
from workbench.train.recipe import Recipe

PARENT = OFF = PLACEBO = None
RECIPE = Recipe()


def solve(gram: csr_matrix, ridge: float) -> np.ndarray:
    """(I+1, I+1) float32 weights B, zero diagonal, from X'X; works in one dense matrix. UserError if it is singular."""
    import torch

    weights = torch.from_numpy(gram.toarray())
    weights.diagonal().add_(ridge)
    try:
        torch.linalg.cholesky(weights, out=weights)
    except RuntimeError as error:  # torch's LinAlgError
        raise UserError(f"ease: X'X + {ridge} I is singular in float32; give a larger ridge", code=1) from error
    torch.cholesky_inverse(weights, out=weights)
    weights.div_(-weights.diagonal().clone())
    weights.fill_diagonal_(0)
    return weights.numpy()


def build(bench: Any, *, ridge: float = 200.0, max_gb: float = 8.0) -> Scored:
    """EASE, ready to solve.

    ridge: > 0, in users: shrinks weights towards zero. max_gb: UserError, before any work, if it would need more.
    """
    items = bench.split.n_items
    need = 2 * 4 * (items + 1) ** 2 / 1e9
    if need > max_gb:
        raise UserError(f"ease: {items:,} items need {need:.1f} GB (two dense matrices of items x items), above "
                        f"max_gb={max_gb}; raise it, or use item_knn, which stays sparse")
    if ridge <= 0:
        raise UserError(f"ease: ridge must be positive, not {ridge}")
    return Scored(
        learn=lambda split: {"gram": cooccurrence(split.train, split.n_items).astype(np.float32)},
        scorer=lambda learned: _scorer(learned, ridge),
    )


def _scorer(learned: Learned, ridge: float) -> ScoreRows:
    weights = solve(learned["gram"], ridge)

    def score(histories: Histories) -> np.ndarray:
        seen = user_items(histories, len(weights) - 1).astype(np.float32)
        seen.data[:] = 1
        return seen @ weights

    return score
