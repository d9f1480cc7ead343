"""Semantic IDs of users: residual k-means of the mean vector of what they chose in train."""
import numpy as np

from workbench.data import Histories
from workbench.embed.neighbours import mean_vectors
from workbench.tokens.by_kind import default_size
from workbench.tokens.rq_kmeans import RQKMeans


class UserCodes:
    """codes: (U+1, L) int64 from 1, row 0 zeros for a user without a train event. size: codes of a level."""

    def __init__(self, train: Histories, vectors: np.ndarray, *, seed: int, shuffle: np.random.Generator | None = None):
        known = train.lengths > 0
        means = mean_vectors(train, vectors)[known]
        self.size = default_size(len(means))
        found = RQKMeans(size=self.size, seed=seed).fit(means).encode(means).astype(np.int64) + 1
        found = found if shuffle is None else found[shuffle.permutation(len(found))]
        self.codes = np.zeros((len(train) + 1, found.shape[1]), np.int64)
        self.codes[1:][known] = found

    def of(self, users: np.ndarray) -> np.ndarray:
        """(B, L) codes of users (B,); zeros for one who is not known."""
        return self.codes[np.where(users < len(self.codes) - 1, users + 1, 0)]

    def words(self, users: np.ndarray) -> list[str]:
        """The same as words, such as <a_3><b_7><c_1>; "" for one who is not known."""
        return ["".join(f"<{'abcdefgh'[level]}_{code}>" for level, code in enumerate(row)) if any(row) else ""
                for row in self.of(users).tolist()]  # fmt: skip
