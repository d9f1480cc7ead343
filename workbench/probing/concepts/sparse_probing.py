"""How much of what a dense probe can tell a few latents tell: k-sparse probing (Gurnee et al., 2023; SAEBench)."""
import numpy as np
from scipy.sparse import csr_matrix

KS = (1, 2, 5)


def share(auc: float, dense: float) -> float:
    """Of what a dense probe tells beyond chance, what a sparse one does; NaN where the dense one tells nothing.

    >>> share(0.7, 0.9)
    0.5
    """
    return round((auc - 0.5) / (dense - 0.5), 12) if dense > 0.5 else float("nan")


def best(z: csr_matrix | np.ndarray, holds: np.ndarray, k: int) -> np.ndarray:
    """(k,) the latents whose means differ most between the units (n,) where a concept holds and all others."""
    means = [np.asarray(z[side].mean(axis=0)).ravel() for side in (holds, ~holds)]
    return np.argsort(-np.abs(means[0] - means[1]), kind="stable")[:k]


def auc(train: np.ndarray, holds: np.ndarray, test: np.ndarray, held: np.ndarray) -> float:
    """Area under the curve on the test side (n, d) of a logistic probe learned on the train side, columns made
    comparable. NaN where a side has one kind of unit alone."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    if not all(side.any() and not side.all() for side in (holds, held)):
        return float("nan")
    mean, spread = train.mean(axis=0), np.maximum(train.std(axis=0), 1e-8)
    model = LogisticRegression(max_iter=300).fit((train - mean) / spread, holds)
    return float(roc_auc_score(held, model.decision_function((test - mean) / spread)))


def sparse(
    z: csr_matrix, holds: np.ndarray, test: csr_matrix, held: np.ndarray, *, ks: tuple[int, ...] = KS
) -> dict[int, float]:
    """`auc` of the best 1, 2 and 5 latents, chosen where the probe is learned."""
    order = best(z, holds, max(ks))
    return {k: auc(z[:, order[:k]].toarray(), holds, test[:, order[:k]].toarray(), held) for k in ks}
