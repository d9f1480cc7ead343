"""Ranking among what was live: the target of a case against the items that could be recommended at its time."""
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from workbench.data import Cases, Histories
from workbench.errors import UserError
from workbench.evaluate.live.windows import LiveWindows
from workbench.evaluate.metrics import GAINS, parse_metric, per_case
from workbench.interfaces import Scorer

ScoreOf = Callable[[Histories, np.ndarray], np.ndarray]  # B histories, items (n,) -> (B, n)
AT_ONCE = 1 << 21  # scores held at a time
CASES = 512


class LiveRanking(NamedTuple):
    """ranks: (C,) int64, 1-based, of each target among the live items, 0 where it was not live itself. live: (C,) int64
    how many items were live, the target among them."""

    ranks: np.ndarray
    live: np.ndarray

    @property
    def valid(self) -> np.ndarray:
        """(C,) bool: cases whose target was live; the others say nothing and are in no metric."""
        return self.ranks > 0

    def per_case(self, metric: str) -> np.ndarray:
        """Values of a metric such as "ndcg@10", one for each valid case."""
        return per_case(metric, self.ranks[self.valid])

    def chance(self, metric: str) -> np.ndarray:
        """What a random order of the live items has in expectation, one for each valid case."""
        kind, k = parse_metric(metric)
        if kind not in GAINS:
            raise UserError(f"chance is known of {', '.join(GAINS)}, not of {kind}")
        total = np.concatenate([[0.0], np.cumsum(GAINS[kind](np.arange(1.0, k + 1)))])
        live = self.live[self.valid]
        return total[np.minimum(live, k)] / live


def rank_among_live(score: ScoreOf | Scorer, cases: Cases, windows: LiveWindows, *, batch: int = CASES) -> LiveRanking:
    """The rank of each target among the items live at its time, ties by the lower id.

    Cases are taken in the order of time, so that those of a batch share most of what is live. score: of given items for
    histories, see rules, or a recommender that scores all items. Nothing is masked: to come back is the usual thing.
    UserError (code 3) for cases without times or with sets of targets, and for scores of a wrong shape or NaN.
    """
    if cases.times is None or cases.offsets is not None:
        raise UserError("a ranking among live items needs cases of one target with times", code=3)
    if isinstance(score, Scorer):  # scores more than what is live
        score, batch = scores_of(score), max(1, min(batch, AT_ONCE // (int(windows.items.max()) + 1)))
    ranks, live = np.zeros(len(cases.targets), np.int64), np.zeros(len(cases.targets), np.int64)
    valid = windows.is_live(cases.targets, cases.times)
    order = np.flatnonzero(valid)[np.argsort(cases.times[valid], kind="stable")]
    waiting = [order[start : start + batch] for start in range(0, len(order), batch)]
    while waiting:
        index = waiting.pop()
        places = windows.between(cases.times[index[0]], cases.times[index[-1]])
        if len(index) > 1 and len(index) * len(places) > AT_ONCE:
            waiting += [index[: len(index) // 2], index[len(index) // 2 :]]
            continue
        ranks[index], live[index] = _ranks(score, cases.take(index), windows, places)
    return LiveRanking(ranks, live)


def _ranks(score: ScoreOf, cases: Cases, windows: LiveWindows, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(B,) ranks and (B,) numbers of live items of cases whose live items are all in the windows at places (n,)."""
    places = places[np.argsort(windows.items[places], kind="stable")]
    items, starts, ends = windows.items[places], windows.starts[places], windows.ends[places]
    times = cases.times[:, None]
    live = (starts <= times) & (ends > times)  # (B, n)
    first = np.flatnonzero(np.concatenate([[True], items[1:] != items[:-1]]))
    if len(first) < len(items):  # an item with two windows
        items, live = items[first], np.logical_or.reduceat(live, first, axis=1)
    scores = np.asarray(score(cases.histories, items))
    if scores.shape != live.shape:
        raise UserError(f"scores of shape {scores.shape} for {len(live)} histories and {len(items)} items", code=1)
    at = np.searchsorted(items, cases.targets)
    own = scores[np.arange(len(at)), at][:, None]
    if np.isnan(scores).any():
        raise UserError("a score is NaN: the model diverged or its input contains NaN", code=1)
    before = scores > own
    before |= (scores == own) & (np.arange(len(items)) < at[:, None])
    before &= live
    return 1 + np.count_nonzero(before, axis=1), np.count_nonzero(live, axis=1)


def scores_of(recommender: Scorer) -> ScoreOf:
    """The scores of given items by a recommender that scores all."""
    return lambda histories, items: recommender.score(histories)[:, items]
