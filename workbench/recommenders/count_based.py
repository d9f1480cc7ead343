"""Training-free recommenders: statistics of the train data, and a function that scores every item from them."""
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, issparse

from workbench.data import Histories, Split
from workbench.errors import UserError
from workbench.evaluate.sparse_top_k import SparseScores, sparse_top_k
from workbench.evaluate.top_k import top_k
from workbench.interfaces import Recommendations

Statistics = dict[str, Any]  # named numpy arrays and CSR matrices
ScoreFunction = Callable[[Histories], np.ndarray | SparseScores]
MAX_SCORES = 4_000_000  # scores computed at a time, 32 MB in float64


class CountBased:
    """The recommender of all training-free baselines, defined by two functions.

    compute_statistics: maps a split (only its train) to named arrays and CSR matrices, which are all that is saved.
    make_scorer: maps these statistics to a function that scores Histories of B rows as (B, I+1) float, or SparseScores.
        It is called once, after loading only when first needed; what it derives (an inverse ...) is never saved.
    """

    def __init__(
        self, compute_statistics: Callable[[Split], Statistics], make_scorer: Callable[[Statistics], ScoreFunction]
    ):
        self.compute_statistics, self.make_scorer = compute_statistics, make_scorer
        self.statistics: Statistics = {}
        self.score_function: ScoreFunction | None = None
        self.n_items: int | None = None  # known after fit, so that a score function of another width is refused

    def fit(self, split: Split, session: Any = None) -> list[dict]:
        """Compute the statistics; there is no iterative training, so the learning curve is empty."""
        self.statistics, self.n_items = self.compute_statistics(split), split.n_items
        self.score_function = self.make_scorer(self.statistics)
        return []

    def score(self, histories: Histories) -> np.ndarray:
        """(B, I+1) float, column 0 meaningless; dense, so limit the number of rows per call."""
        scores = self._scores(histories)
        return scores.dense() if isinstance(scores, SparseScores) else scores

    def _scores(self, histories: Histories) -> np.ndarray | SparseScores:
        if self.score_function is None:
            self.score_function = self.make_scorer(self.statistics)
        return self.score_function(histories)

    def recommend(self, histories: Histories, k: int, exclude: Histories | None = None) -> Recommendations:
        """The top-k items of each history; ties go to the lower id. UserError if fewer than k items remain."""
        parts, start, rows = [], 0, 64
        while start < len(histories) or not parts:
            index = np.arange(start, min(start + rows, len(histories)))
            scores = self._scores(histories.take(index))
            sparse = isinstance(scores, SparseScores)
            shape = scores.above.shape if sparse else scores.shape
            if self.n_items is not None and shape != (len(index), self.n_items + 1):
                expected = (len(index), self.n_items + 1)
                raise UserError(f"the score function gives shape {shape}, not {expected}: a column for padding, "
                                "then one for each item")  # fmt: skip
            excluded = None if exclude is None else exclude.take(index)
            parts.append(sparse_top_k(scores, k, excluded) if sparse else top_k(scores, k, excluded))
            start, rows = start + len(index), 512 if sparse else max(1, MAX_SCORES // shape[1])
        return Recommendations(np.concatenate([p.items for p in parts]), np.concatenate([p.scores for p in parts]))

    def state(self) -> dict[str, np.ndarray]:
        """The statistics as plain arrays."""
        return to_plain_arrays(self.statistics)

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Restore the statistics of another instance."""
        self.statistics, self.score_function = from_plain_arrays(state), None


def to_plain_arrays(statistics: Statistics) -> dict[str, np.ndarray]:
    """Statistics as plain arrays: a CSR matrix `m` becomes m.data, m.indices, m.indptr and m.shape."""
    state = {}
    for name, value in statistics.items():
        if issparse(value):
            parts = {"data": value.data, "indices": value.indices, "indptr": value.indptr, "shape": value.shape}
            state |= {f"{name}.{part}": np.asarray(array) for part, array in parts.items()}
        else:
            state[name] = value
    return state


def from_plain_arrays(state: dict[str, np.ndarray]) -> Statistics:
    """The inverse of `to_plain_arrays`."""
    statistics = {name: np.asarray(array) for name, array in state.items() if "." not in name}
    for name in (key.removesuffix(".shape") for key in state if key.endswith(".shape")):
        parts = tuple(np.asarray(state[f"{name}.{part}"]) for part in ("data", "indices", "indptr"))
        statistics[name] = csr_matrix(parts, shape=tuple(map(int, state[f"{name}.shape"])))
    return statistics
