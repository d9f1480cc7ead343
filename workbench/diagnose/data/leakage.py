"""Temporal leakage of a split: train events later than the test events that they help to predict.

Under leave-one-out every user's last event is a test event, whenever it happened, so the train events of other users
may be later (arXiv:2010.11060). Under a global temporal split all of this is 0, which is the null throughout.
"""
import numpy as np

from workbench.data import Cases, Dataset, Histories, Split
from workbench.data.graph import last_items
from workbench.data.leakage_measures import future_shares
from workbench.data.schema import ITEM, TIME
from workbench.diagnose.verdict.card import Card, Figure, mean_figure
from workbench.errors import UserError
from workbench.evaluate import per_case
from workbench.evaluate.intervals import mean_interval

FINENESS = 500  # shares are rounded to 1 / FINENESS for the bootstrap, which needs few distinct values
NEVER = np.iinfo(np.int64).max


def require_times(histories: Histories) -> np.ndarray:
    """(N,) timestamps of the events; UserError if there are none."""
    if histories.times is None:
        raise UserError("the dataset has no timestamps", code=3)
    return histories.times


def future_leakage(split: Split) -> Card:
    """Share of train events later than the test events. UserError without timestamps or train events.

    future leakage: mean over test cases of the share of train events later than the case. train events after the median
    test event: of train, and with the validation events. targets first seen after the test event: test cases whose
    target occurs in train, but never at or before the time of the test event.
    """
    train, test = require_times(split.train), split.test.times
    if not len(train):
        raise UserError("there are no train events", code=3)
    shares, median = future_shares(train, test), np.median(test)
    low, high = mean_interval(np.round(shares * FINENESS) / FINENESS)
    both = np.concatenate([train, split.valid.times])
    first = first_occurrence(split.train.items, train, split.n_items)[split.test.targets]
    under = f"Under {split.protocol.split}"
    return Card((
        Figure("future leakage", float(shares.mean()), low, high, 0.0, "above", len(test),
               f"{under}, on average {shares.mean():.1%} of the train events are later than the test event."),
        Figure("train events after the median test event", float((train > median).mean()), null=0.0, direction="above",
               n=len(train), note="Share of train events later than the median test event."),
        Figure("train and validation events after the median test event", float((both > median).mean()), null=0.0,
               direction="above", n=len(both), note="The same for train and validation events together."),
        mean_figure("targets first seen after the test event", (first > test) & (first < NEVER), null=0.0,
                    direction="above",
                    note="Share of test targets that occur in train, but only after the test event."),
    ))  # fmt: skip


def first_occurrence(items: np.ndarray, times: np.ndarray, n_items: int) -> np.ndarray:
    """(I+1,) int64: the earliest timestamp of each item, the largest integer if it never occurs."""
    first = np.full(n_items + 1, NEVER)
    np.minimum.at(first, items, times)
    return first


def memorized(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """(C,) bool each: whether the transition from the last item to the target occurs in train, and whether all its
    occurrences are later than the test event. UserError without timestamps or transitions."""
    times, width = require_times(split.train), split.n_items + 1
    inside = np.diff(split.train.rows()) == 0
    pairs = split.train.items[:-1][inside].astype(np.int64) * width + split.train.items[1:][inside]
    if not len(pairs):
        raise UserError("no train history has two events, so there are no transitions", code=3)
    when = np.maximum(times[:-1], times[1:])[inside]
    order = np.argsort(pairs)
    pairs, start = np.unique(pairs[order], return_index=True)
    first = np.minimum.reduceat(when[order], start)
    queries = last_items(split.test.histories) * width + split.test.targets
    at = np.minimum(np.searchsorted(pairs, queries), len(pairs) - 1)
    seen = pairs[at] == queries
    return seen, seen & (first[at] > split.test.times)


def future_transitions(split: Split, *, hits: np.ndarray | None = None) -> Card:
    """Memorized test cases (the transition from the last item to the target occurs in train, arXiv:2603.19809), and the
    share of them whose train occurrences are all later than the test event (ours).

    hits: (C,) bool, whether a model has the target in its top ten; adds the same share among its memorized hits.
    UserError without timestamps, transitions or memorized cases.
    """
    in_train, future = memorized(split)
    figures = [
        mean_figure("memorized test cases", in_train,
                    note="Share of test cases whose transition from the last item to the target occurs in train."),
        mean_figure("memorized from future events", future[in_train], null=0.0, direction="above",
                    note="Of the memorized test cases, the share whose train occurrences are all later than the test."),
    ]  # fmt: skip
    if hits is not None:
        among = in_train & np.asarray(hits, bool)
        figures.append(mean_figure(
            "memorized hits from future events", future[among], null=0.0, direction="above",
            note="Of the memorized hits in the top ten, the share whose train occurrences are all later.",
        ))  # fmt: skip
    return Card(tuple(figures))


def future_items(lists: np.ndarray, cases: Cases, dataset: Dataset) -> Card:
    """Recommended items that did not exist yet at the time of the test event (arXiv:2010.11060). UserError without
    timestamps.

    lists: (C, k) item ids, best first, with k > 10 so that removed items can be replaced. future items in lists: share
    of the top ten that first occur, in the whole log, after the test event. gain from masking future items: NDCG@10
    without those items minus NDCG@10 with them.
    """
    if cases.times is None or not dataset.has_times:
        raise UserError("the dataset has no timestamps", code=3)
    events = dataset.interactions
    first = first_occurrence(events[ITEM].to_numpy(), events[TIME].to_numpy(np.int64), dataset.n_items)
    early = first[lists] > cases.times[:, None]
    hit = lists == cases.targets[:, None]
    rank = np.where(hit.any(1), hit.argmax(1) + 1, 0)
    before = np.take_along_axis(np.cumsum(early, axis=1), hit.argmax(1)[:, None], axis=1)[:, 0]
    gain = per_case("ndcg@10", np.where(rank > 0, rank - before, 0)) - per_case("ndcg@10", rank)
    missing = future_shares(first[1:], cases.times).mean()
    return Card((
        mean_figure("future items in lists", early[:, :10].mean(axis=1), null=0.0, direction="above",
                    note=f"Share of the top ten that first occur after the test event; of all items, "
                         f"{missing:.1%} do."),
        mean_figure("gain from masking future items", gain,
                    note=f"NDCG@10 without the items that do not exist yet, from the top {lists.shape[1]}, minus "
                         "NDCG@10 with them; never negative."),
    ))  # fmt: skip
