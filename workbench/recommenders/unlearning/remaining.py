"""Candidates of a base, ordered anew by the part of a history that is left."""
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from workbench.data import Histories, Split
from workbench.data.splits import splitmix64
from workbench.evaluate.top_k import top_k
from workbench.evaluate.unlearning.forget_sets import without
from workbench.interfaces import Recommendations, Scorer
from workbench.llm.causal_lm import CausalLM
from workbench.recommenders.prompts.board import Terms, products
from workbench.recommenders.prompts.templates import RULE, YES_NO, quoted
from workbench.recommenders.prompts.yes_no import yes_no_odds
from workbench.train.fit import TrainingSession

Judge = Callable[[Histories, np.ndarray], np.ndarray]  # slices (B) and candidates (B, N) to scores (B, N)
Slice = Callable[[Histories], Histories]


class FromRemaining:
    """An `interfaces.Recommender` and `Scorer`: the n best items of a base, in an order to which the retrieved part of
    what is left of a history adds. The scores of these items change places; all others keep theirs.

    base: trained. rows: (m,) events of train that are never retrieved. weight: of the judge's order, 0 to 1. An empty
    slice leaves the order of the base.
    """

    def __init__(self, base: Scorer, train: Histories, rows: np.ndarray, *, n: int, retrieve: Slice, judge: Judge,
                 weight: float):  # fmt: skip
        self.base, self.train, self.rows = base, train, rows
        self.n, self.retrieve, self.judge, self.weight = n, retrieve, judge, weight

    def fit(self, split: Split, session: TrainingSession | None = None) -> list[dict]:
        """Nothing to train. Returns an empty curve."""
        return []

    def retrieved(self, histories: Histories) -> Histories:
        """The slice of each of B histories, of what is left of it."""
        return self.retrieve(without(histories, self.train, self.rows))

    def score(self, histories: Histories) -> np.ndarray:
        """(B, I+1); column 0 is meaningless."""
        scores = np.array(self.base.score(histories))
        others = scores.copy()  # an item is most like itself, so those of the history are no candidates
        others[histories.rows(), histories.items] = scores.min() - 1
        head, slices = top_k(others, self.n).items, self.retrieved(histories)
        judged = places(self.judge(slices, head)) * (slices.lengths > 0)[:, None]
        order = np.argsort(self.weight * judged + (1 - self.weight) * np.arange(self.n), axis=1, kind="stable")
        own = np.take_along_axis(scores, head, axis=1)
        np.put_along_axis(scores, np.take_along_axis(head, order, axis=1), own, axis=1)
        return scores

    def recommend(self, histories: Histories, k: int, exclude: Histories | None = None) -> Recommendations:
        """The k best items."""
        return top_k(self.score(histories), k, exclude)

    def state(self) -> dict[str, np.ndarray]:
        """That of the base."""
        return self.base.state()

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Restore the base."""
        self.base.load_state(state)


def places(scores: np.ndarray) -> np.ndarray:
    """(B, N) the place from 0 of each score in its row, the highest first, equal ones in their order.

    >>> places(np.array([[1.0, 3, 2, 3]])).tolist()
    [[3, 0, 2, 1]]
    """
    order = np.argsort(-scores, axis=1, kind="stable")
    return np.argsort(order, axis=1, kind="stable")


def newest(k: int) -> Slice:
    """Retrieves the k newest events."""
    return lambda histories: histories.last(k)


def drawn(k: int, seed: int) -> Slice:
    """Retrieves k events at random, the same at every call."""

    def retrieve(histories: Histories) -> Histories:
        rows = histories.rows()
        place = np.arange(len(rows)) - histories.offsets[rows]
        order = np.lexsort((splitmix64(histories.users[rows], histories.items, place, seed=seed), rows))
        keep = np.zeros(len(rows), bool)
        keep[order[place < k]] = True
        return histories.where(keep)

    return retrieve


def by_overlap(said: Terms) -> Judge:
    """Scores a candidate by the TF-IDF terms that its text shares with those of the slice."""

    def judge(slices: Histories, candidates: np.ndarray) -> np.ndarray:
        rows = slices.rows()
        share = (1 / np.maximum(slices.lengths, 1))[rows]
        return products(said.of(rows, share, slices.items, len(slices)), said.weights, candidates)

    return judge


class ByRemaining(NamedTuple):
    """Asks whether somebody with some titles would choose an item; `answers` in the order in which they are named."""

    titles: tuple[str, ...]
    title: str
    answers: tuple[str, str] = YES_NO

    def render(self) -> str:
        """The prompt."""
        first, second = self.answers
        chosen = "\n".join(f"- {quoted(title)}" for title in self.titles)
        return (f"{RULE}\nThis person chose:\n{chosen}\nAn item: {quoted(self.title)}\n"
                f"Would they choose it, {first} or {second}?\nAnswer:")  # fmt: skip


def by_model(lm: CausalLM, titles: np.ndarray) -> Judge:
    """Scores a candidate by a local language model's log-odds of yes. titles: (I+1,)."""

    def judge(slices: Histories, candidates: np.ndarray) -> np.ndarray:
        chosen = [tuple(titles[slices.row(row)].tolist()) for row in range(len(slices))]
        asked = [(own, title) for own, row in zip(chosen, candidates) for title in titles[row].tolist()]
        odds = yes_no_odds(lm, lambda answers: [ByRemaining(*each, answers).render() for each in asked])
        return odds.reshape(candidates.shape)

    return judge
