"""One person's list when the history changes: time between events stretched, events left out or in another order, and,
of a network with several interests, what each of them asks for. Nothing is trained."""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.arguments import public
from workbench.data import Histories, perturbations
from workbench.data.schema import TIME, Dataset
from workbench.errors import UserError
from workbench.interfaces import Recommender, ScoredByItems
from workbench.train.rng import named_rng

FACTORS = (0, 0.25, 1, 4, 16)
LEFT_OUT = 0.2  # share of the events that the thinned view leaves out
SAME = "as it is"


@public
@dataclass(frozen=True)
class HistoryChanges:
    """The lists of a recommender for one history and changes of it.

    history: of one person. target: the held-out item. masked: whether items of the history are left out of the lists.
    k: length of the lists.
    """

    recommender: Recommender
    history: Histories
    target: int
    dataset: Dataset
    masked: bool
    k: int = 10

    def by_gaps(self, factors: Sequence[float] = FACTORS) -> pd.DataFrame:
        """(k, factors) titles of the lists when the time between any two events is that many times as long.

        attrs["same"]: of each factor, how many items the list shares with that of the history as it is. UserError for a
        history without times, no factor, or one that is negative.
        """
        if self.history.times is None:
            raise UserError(f"the events of {self.dataset.name} have no times, so their gaps cannot be changed; "
                            "synthetic, beauty and movielens-small have some")  # fmt: skip
        if not len(factors) or not all(0 <= factor < 1e6 for factor in factors):
            raise UserError(f"factors={list(factors)}: one or more numbers from 0, by which gaps are multiplied")
        lists = self._lists([stretched(self.history, factor) for factor in factors])
        titles = {f"gaps x {factor:g}": self.dataset.titles(items) for factor, items in zip(factors, lists)}
        frame = pd.DataFrame(titles)
        frame.index = pd.RangeIndex(1, 1 + self.k, name="rank")
        frame.attrs["same"] = dict(zip(frame.columns, self._same(lists)))
        return frame

    def by_view(self, *, seed: int = 0) -> pd.DataFrame:
        """One row for each view of the history, the first as it is: events, how many items its list shares with the
        first one, the rank of the target in the list (0: not in it), and the item on top."""
        rng = named_rng(seed, "views", int(self.history.users[0]))
        thinned = rng.random(len(self.history.items)) >= LEFT_OUT
        views = {
            SAME: self.history,
            "without its newest event": self.history.without_last(1),
            "its newer half (cropped)": self.history.last((self.history.lengths + 1) // 2),
            "a fifth left out (masked)": self.history.where(thinned),
            "in another order": perturbations.shuffled(self.history, rng),
            "in another order, newest event last": perturbations.shuffled(self.history, rng, keep_last=1),
            "reversed": perturbations.reversed_order(self.history),
        }
        lists = self._lists(list(views.values()))
        at = lists == self.target
        rank = np.where(at.any(1), at.argmax(1) + 1, 0)
        columns = {"events": [len(view.items) for view in views.values()], "in common": self._same(lists),
                   "rank of target": rank, "on top": self.dataset.titles(lists[:, 0])}  # fmt: skip
        return pd.DataFrame(columns, index=[*views]).rename_axis("view")

    def by_interest(self, n: int = 5) -> pd.DataFrame:
        """(n, K) titles of the items that each of K interests is nearest to. attrs["of list"]: how many items of the
        list come from each. UserError for a network with one state."""
        interests = None
        if isinstance(self.recommender, ScoredByItems):
            interests = self.recommender.states(self.history)
        if interests is None or interests.ndim != 3:
            raise UserError("this recommender has one state for a history and no interests; desmil has several")
        scores = (interests[0] @ self.recommender.module.item.weight.T).detach().cpu().numpy()  # (K, I+1)
        scores[:, 0] = -np.inf
        if self.masked:
            scores[:, self.history.items] = -np.inf
        names = [f"interest {number}" for number in range(1, 1 + len(scores))]
        best = np.argsort(-scores, axis=1, kind="stable")[:, :n]
        frame = pd.DataFrame({name: self.dataset.titles(items) for name, items in zip(names, best)})
        frame.index = pd.RangeIndex(1, 1 + len(frame), name="rank")
        of_list = np.bincount(scores[:, self._lists([self.history])[0]].argmax(0), minlength=len(scores))
        frame.attrs["of list"] = dict(zip(names, of_list.tolist()))
        return frame

    def _lists(self, histories: list[Histories]) -> np.ndarray:
        """(n, k) items of the lists of n histories of this person."""
        exclude = self.history if self.masked else None
        return np.concatenate([self.recommender.recommend(each, self.k, exclude).items for each in histories])

    def _same(self, lists: np.ndarray) -> list[int]:
        """How many items each list shares with that of the history as it is."""
        first = self._lists([self.history])[0]
        return np.isin(lists, first).sum(1).tolist()


def stretched(histories: Histories, factor: float) -> Histories:
    """The histories with `factor` times the time between any two events; the newest event keeps its time."""
    newest = np.repeat(histories.times[histories.offsets[1:] - 1], histories.lengths)
    times = newest - np.rint((newest - histories.times) * factor).astype(np.int64)
    return Histories(histories.offsets, histories.items, histories.users, {**histories.columns, TIME: times})
