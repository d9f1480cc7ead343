"""Recommenders that count: something learned from train in one go, then a score for every item per history."""
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, issparse

from workbench.data import Histories, Split
from workbench.evaluate.top_k import top_k
from workbench.interfaces import Recommendations

Learned = dict[str, Any]  # named numpy arrays and CSR matrices
ScoreRows = Callable[[Histories], np.ndarray]
CELLS = 4_000_000  # scores held at a time, 32 MB in float64


class Scored:
    """The assembly behind the floors; final: give it two functions.

    learn: from a split (its train alone), named arrays and CSR matrices: all that is saved.
    scorer: from those, the function that scores Histories of B rows as (B, I+1) float. Called once, after loading
        only when first needed; what it derives (an inverse, a normalised matrix) is never stored.
    """

    def __init__(self, learn: Callable[[Split], Learned], scorer: Callable[[Learned], ScoreRows]):
        self.learn, self.scorer = learn, scorer
        self.learned: Learned = {}
        self.scores: ScoreRows | None = None

    def fit(self, split: Split, session: Any = None) -> list[dict]:
        """Count; nothing is trained step by step, so the curve is empty."""
        self.learned = self.learn(split)
        self.scores = self.scorer(self.learned)
        return []

    def score(self, histories: Histories) -> np.ndarray:
        """(B, I+1) float, column 0 meaningless; ask for no more rows than a dense table may have."""
        if self.scores is None:
            self.scores = self.scorer(self.learned)
        return self.scores(histories)

    def recommend(self, histories: Histories, k: int, exclude: Histories | None = None) -> Recommendations:
        """The best k items of each history; ties to the lower id. UserError if fewer than k are left."""
        parts, start, rows = [], 0, 64
        while start < len(histories) or not parts:
            index = np.arange(start, min(start + rows, len(histories)))
            scores = self.score(histories.take(index))
            parts.append(top_k(scores, k, None if exclude is None else exclude.take(index)))
            start, rows = start + len(index), max(1, CELLS // scores.shape[1])
        return Recommendations(np.concatenate([p.items for p in parts]), np.concatenate([p.scores for p in parts]))

    def state(self) -> dict[str, np.ndarray]:
        """What was counted, as plain arrays."""
        return packed(self.learned)

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Take over what another instance counted."""
        self.learned, self.scores = unpacked(state), None


def packed(learned: Learned) -> dict[str, np.ndarray]:
    """Plain arrays only: a CSR matrix `m` becomes m.data, m.indices, m.indptr and m.shape."""
    state = {}
    for name, value in learned.items():
        if issparse(value):
            parts = {"data": value.data, "indices": value.indices, "indptr": value.indptr, "shape": value.shape}
            state |= {f"{name}.{part}": np.asarray(array) for part, array in parts.items()}
        else:
            state[name] = value
    return state


def unpacked(state: dict[str, np.ndarray]) -> Learned:
    """The inverse of `packed`."""
    learned = {name: np.asarray(array) for name, array in state.items() if "." not in name}
    for name in (key.removesuffix(".shape") for key in state if key.endswith(".shape")):
        parts = tuple(np.asarray(state[f"{name}.{part}"]) for part in ("data", "indices", "indptr"))
        learned[name] = csr_matrix(parts, shape=tuple(map(int, state[f"{name}.shape"])))
    return learned
