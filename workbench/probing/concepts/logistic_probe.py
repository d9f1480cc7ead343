"""The logistic probe: which direction of an activation separates positions where a concept holds from the others."""
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression


def fit_probe(x: np.ndarray, holds: np.ndarray, *, class_weight: str | None = None) -> "LogisticRegression":
    """A logistic regression of labels (n,) bool on columns of about equal scale (n, d). class_weight: "balanced" weighs
    both classes alike. FloatingPointError if its weights are not finite."""
    from sklearn.linear_model import LogisticRegression

    with np.errstate(invalid="ignore"):  # some BLAS kernels raise the flag on finite products (numpy#24067)
        probe = LogisticRegression(max_iter=300, class_weight=class_weight).fit(x, holds)
    if not np.isfinite(probe.coef_).all():
        raise FloatingPointError(f"the weights of a logistic probe on {x.shape} activations are not finite")
    return probe
