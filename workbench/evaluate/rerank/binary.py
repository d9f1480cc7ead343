"""Figures of judgements yes or no: AUC, log loss and calibration error of probabilities."""
import numpy as np

from workbench.errors import UserError
from workbench.evaluate.sampled import pooled_auc

BINS = 10


def binary_metrics(p: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """AUC, log loss and calibration error of probabilities p against y, 0 or 1, arrays of one shape, all pooled.

    UserError for other shapes or values, or where all y are the same.
    """
    p, y = np.asarray(p, np.float64).ravel(), np.asarray(y).ravel()
    if p.shape != y.shape or not np.isin(y, (0, 1)).all() or not ((p >= 0) & (p <= 1)).all():
        raise UserError(f"judgements are {len(p)} probabilities and as many 0 or 1, not {len(y)} of {np.unique(y)[:3]}")
    if len(np.unique(y)) < 2:
        raise UserError("all judgements have the same answer, so there is no AUC", code=3)
    return {"auc": pooled_auc(p[y == 1], p[y == 0]), "log loss": log_loss(p, y), "calibration": calibration_error(p, y)}


def log_loss(p: np.ndarray, y: np.ndarray) -> float:
    """The mean of -log of the probability (N,) given to the answer (N,), in nats; probabilities are kept within 1e-12
    of 0 and 1.

    >>> round(log_loss(np.array([0.5, 0.5]), np.array([0, 1])), 4)
    0.6931
    """
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return float(-np.mean(np.where(y == 1, np.log(p), np.log1p(-p))))


def calibration_error(p: np.ndarray, y: np.ndarray, bins: int = BINS) -> float:
    """The mean over bins of equal mass, by rising p (N,), of |share of 1 - mean p| (Naeini et al., AAAI 2015; bins of
    equal mass as in arXiv:1904.01685). Equal probabilities may fall into two bins.

    >>> calibration_error(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0, 0, 1, 0]), bins=2)
    0.25
    """
    rank = np.empty(len(p), np.int64)
    rank[np.argsort(p, kind="stable")] = np.arange(len(p))
    return float(np.abs(np.bincount(rank * bins // len(p), weights=y - p)).sum() / len(p))
