"""Fixed rules for sets, without training: each scores items by counts, and a threshold is chosen on validation."""
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from workbench.data.visits.records import Visits
from workbench.evaluate.sets.cases import Fold, at_threshold, dense
from workbench.evaluate.sets.measures import Prescribed, best_threshold

Learned = dict[str, np.ndarray]
SCORED = 512  # visits at a time


class Rule:
    """A `cross_fitted.FoldModel` that counts. learn(rows): arrays, of train visits. score(learned, rows): (n, I+1) from
    0 to 1. fixed(rows): (n,) bool where the set is given and no threshold is used, and (n, I+1) bool the sets."""

    def __init__(
        self, visits: Visits, fold: Fold, learn: Callable[[np.ndarray], Learned],
        score: Callable[[Learned, np.ndarray], np.ndarray],
        fixed: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]] | None = None,
    ):  # fmt: skip
        self.visits, self.fold, self.learn, self.score, self.fixed = visits, fold, learn, score, fixed
        self.learned: Learned = {}
        self.threshold = 0.5

    def fit(self, session: Any) -> list[dict]:
        """Count in train visits, choose the threshold on validation visits."""
        self.learned, valid = self.learn(self.fold.train), self.fold.valid
        free = ~self.fixed(valid)[0] if self.fixed else np.ones(len(valid), bool)
        if free.any():
            self.threshold = best_threshold(self.scores(valid[free]), dense(self.visits, valid[free]))
        return []

    def scores(self, rows: np.ndarray) -> np.ndarray:
        """(n, I+1) float64 at rows (n,), some at a time."""
        return np.concatenate([self.score(self.learned, rows[start : start + SCORED])
                               for start in range(0, max(1, len(rows)), SCORED)])  # fmt: skip

    def prescribe(self, rows: np.ndarray) -> Prescribed:
        """Scores, and the sets above the threshold or those that are fixed."""
        found = at_threshold(self.scores(rows), self.threshold)
        if self.fixed:
            where, sets = self.fixed(rows)
            found.chosen[where] = sets[where]
        return found

    def state(self) -> Learned:
        """The counts and the threshold."""
        return self.learned | {"threshold": np.array([self.threshold])}

    def load_state(self, state: Learned) -> None:
        """Restore them."""
        self.learned = {name: array for name, array in state.items() if name != "threshold"}
        self.threshold = float(state["threshold"][0])


def shares(visits: Visits, rows: np.ndarray) -> np.ndarray:
    """(I+1,) float64: in which part of the visits rows (n,) each item is."""
    return np.asarray(visits.sets[rows].sum(axis=0), np.float64).ravel() / max(1, len(rows))


def last_sets(visits: Visits, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) bool whether the user had a visit before, and (n, I+1) bool its set."""
    before = visits.before(rows, 1)[:, 0]
    return before >= 0, dense(visits, np.maximum(before, 0)) & (before >= 0)[:, None]


def features(visits: Visits, rows: np.ndarray) -> sparse.csr_matrix:
    """(n, F) float64: what is known at visits: the codes of all kinds; where the data have none, the last set and the
    values of the profile."""
    if visits.codes:
        return sparse.hstack([matrix[rows] for matrix in visits.codes.values()]).astype(np.float64).tocsr()
    values = [np.eye(n + 1)[visits.profile[rows, trait]] for trait, n in enumerate(visits.sizes)]
    return sparse.csr_matrix(np.concatenate([last_sets(visits, rows)[1].astype(np.float64), *values], axis=1))


def weighted(found: sparse.csr_matrix, idf: np.ndarray) -> sparse.csr_matrix:
    """Features (n, F) weighted by rarity (F,), rows of length 1; a row without any stays 0."""
    x = found.multiply(idf).tocsr()
    length = np.sqrt(np.asarray(x.multiply(x).sum(axis=1)).ravel())
    return sparse.diags(1 / np.where(length > 0, length, 1)) @ x
