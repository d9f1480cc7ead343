"""Which intent a screen speaks of, by a table of words and intents that is learned by counting."""
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from workbench.errors import UserError
from workbench.recommenders.screens.trajectories import Trajectories

SMOOTHING = 0.5


class KeywordTable:
    """P(intent | words of a screen), by naive Bayes over the screens of train, each word once; "nothing" is one of the
    intents (column 0). Words are those of train; others say nothing. scores: (V+1, A+1), the last row of the prior."""

    def __init__(self, data: Trajectories):
        self.data, self.scores = data, np.zeros((0, 0))

    @cached_property
    def words(self) -> csr_matrix:
        """(R+1, V) 0 or 1."""
        from sklearn.feature_extraction.text import CountVectorizer

        try:
            vectorizer = CountVectorizer(binary=True, dtype=np.float64).fit(self.data.texts[self.data.rows("train")])
        except ValueError as error:
            raise UserError("no screen of train has a word, so none can be told from another", code=3) from error
        return vectorizer.transform(self.data.texts).tocsr()

    def fit(self) -> None:
        """Count the words of the screens of train, a screen of several intents for each."""
        rows = self.data.rows("train")
        label = self.data.evidence[rows].astype(float)
        counts = self.words[rows].T @ label + SMOOTHING
        prior = label.sum(axis=0) + SMOOTHING
        shares = np.log(counts / (prior + SMOOTHING))
        self.scores = np.vstack([shares, np.log(prior / prior.sum())])

    def posterior(self) -> np.ndarray:
        """(R+1, A+1) of every screen; row 0, no screen, is nothing for sure."""
        from scipy.special import softmax

        found = softmax(self.words @ self.scores[:-1] + self.scores[-1], axis=1)
        found[0] = np.eye(found.shape[1])[0]
        return found

    def state(self) -> dict[str, np.ndarray]:
        """The table."""
        return {"scores": self.scores}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Restore the table."""
        self.scores = np.asarray(state["scores"])
