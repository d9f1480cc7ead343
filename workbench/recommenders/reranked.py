"""Two stages: a first recommender retrieves candidates, and a second one orders them anew."""
import numpy as np

from workbench.data import Histories, Split
from workbench.interfaces import Recommendations, Recommender, Scorer
from workbench.train.fit import TrainingSession
from workbench.verb_interfaces import Reranker


class Reranked:
    """An `interfaces.Recommender` and `Retrieves`: the first n items of `first`, ordered by `second`; below them the
    order of `first` stands. n=0 is `first` itself.

    first, second: trained already, so that `fit` trains nothing. Items of equal score keep the order of `first`.
    """

    def __init__(self, first: Recommender, second: Reranker, *, n: int):
        self.first, self.second, self.retrieved = first, second, n

    def fit(self, split: Split, session: TrainingSession | None = None) -> list[dict]:
        """Nothing to train. Returns an empty curve."""
        return []

    def candidates(self, histories: Histories, exclude: Histories | None = None) -> np.ndarray:
        """(B, n) the items that are ordered anew."""
        return self.first.recommend(histories, self.retrieved, exclude).items

    def recommend(self, histories: Histories, k: int, exclude: Histories | None = None) -> Recommendations:
        """The k best items; scores are the negative ranks, or with n=0 those of `first`."""
        if not self.retrieved:
            return self.first.recommend(histories, k, exclude)
        items = self.first.recommend(histories, max(k, self.retrieved), exclude).items.copy()
        head = items[:, : self.retrieved]
        order = np.argsort(-self.second.rescore(histories, head), axis=1, kind="stable")
        items[:, : self.retrieved] = np.take_along_axis(head, order, axis=1)
        return Recommendations(items[:, :k], np.broadcast_to(-np.arange(1.0, k + 1), (len(items), k)))

    def state(self) -> dict[str, np.ndarray]:
        """The number of candidates: the two stages are runs of their own."""
        return {"retrieved": np.array(self.retrieved)}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Check nothing: the stages come from `build`."""


class ByScore:
    """A `verb_interfaces.Reranker` from a recommender that scores every item."""

    def __init__(self, scorer: Scorer):
        self.scorer = scorer

    def rescore(self, histories: Histories, candidates: np.ndarray) -> np.ndarray:
        """(B, n) scores of the candidates (B, n)."""
        return np.take_along_axis(self.scorer.score(histories), np.asarray(candidates, np.int64), axis=1)
