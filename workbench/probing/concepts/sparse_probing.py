"""k-sparse probing (Gurnee et al., 2023; SAEBench): how much of a dense probe's performance a few latents reach."""
import numpy as np
from scipy.sparse import csr_matrix

from workbench.probing.concepts.logistic_probe import fit_probe

KS = (1, 2, 5)


def share_of_dense(auroc: float, dense: float) -> float:
    """The sparse probe's AUROC above chance as a share of the dense probe's; NaN if the dense probe is at chance.

    >>> share_of_dense(0.7, 0.9)
    0.5
    """
    return round((auroc - 0.5) / (dense - 0.5), 12) if dense > 0.5 else float("nan")


def most_different_latents(z: csr_matrix | np.ndarray, holds: np.ndarray, k: int) -> np.ndarray:
    """(k,) the latents whose means differ most between positions (n,) where a concept holds and all others."""
    means = [np.asarray(z[rows].mean(axis=0)).ravel() for rows in (holds, ~holds)]
    return np.argsort(-np.abs(means[0] - means[1]), kind="stable")[:k]


def probe_auroc(train: np.ndarray, holds: np.ndarray, test: np.ndarray, test_holds: np.ndarray) -> float:
    """AUROC on test rows (n, d) of a logistic probe fitted to train rows, with standardized columns. NaN if a split has
    one class only."""
    from sklearn.metrics import roc_auc_score

    if not all(labels.any() and not labels.all() for labels in (holds, test_holds)):
        return float("nan")
    mean, spread = train.mean(axis=0), np.maximum(train.std(axis=0), 1e-8)
    probe = fit_probe((train - mean) / spread, holds)
    with np.errstate(invalid="ignore"):  # as in `fit_probe`
        scores = probe.decision_function((test - mean) / spread)
    return float(roc_auc_score(test_holds, scores))  # which rejects NaN


def sparse_probe_auroc(
    z: csr_matrix, holds: np.ndarray, test: csr_matrix, test_holds: np.ndarray, *, ks: tuple[int, ...] = KS
) -> dict[int, float]:
    """`probe_auroc` of the best k latents for each k, selected on the train split."""
    order = most_different_latents(z, holds, max(ks))
    return {k: probe_auroc(z[:, order[:k]].toarray(), holds, test[:, order[:k]].toarray(), test_holds) for k in ks}
