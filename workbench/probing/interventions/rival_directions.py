"""Directions for a concept that no autoencoder is needed for: what steering along a latent has to beat."""
import numpy as np

from workbench.errors import UserError

LEARNED = 20_000  # units that the linear probe is fitted to


def directions(
    x: np.ndarray, holds: np.ndarray, table: np.ndarray, member: np.ndarray, *, seed: int = 0
) -> dict[str, np.ndarray]:
    """Directions of length 1 (D,) by name: the difference of the mean activation where the concept holds from the mean
    of all, the weights of a logistic probe in units of the site, and, where the item table has the site's width, the
    mean of the concept's items less that of all.

    x: (n, D) activations. holds: (n,) bool whether the concept holds at a unit, as of its last item. table: (I+1, D) of
    items. member: (I+1,) bool. UserError where the concept holds at every unit that is learned from, or at none.
    """
    from sklearn.linear_model import LogisticRegression

    rows = np.random.default_rng(seed).permutation(len(x))[:LEARNED]
    if holds[rows].all() or not holds[rows].any():
        which = "every unit" if holds.any() else "no unit"
        raise UserError(f"the concept holds at {which}; choose one that tells some units from others", code=3)
    spread = np.maximum(x.std(axis=0), 1e-12)
    probe = LogisticRegression(max_iter=300, class_weight="balanced").fit(x[rows] / spread, holds[rows])
    found = {"difference of means": x[holds].mean(axis=0) - x.mean(axis=0), "probe": probe.coef_[0] / spread}
    if table.shape[1] == x.shape[1]:
        found["item centroid"] = table[member].mean(axis=0) - table[1:].mean(axis=0)
    return {name: (d / max(np.linalg.norm(d), 1e-12)).astype(np.float32) for name, d in found.items()}
