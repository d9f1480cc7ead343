"""What a split lets a model know of the future: train events later than the test events they help to predict.

Under leave-one-out every user's last event is a test event, whenever it happened, so the train events of others may lie
after it (arXiv:2010.11060). Under global time all of this is 0, which is the null throughout.
"""
import numpy as np

from workbench.data import Cases, Dataset, Histories, Split
from workbench.data.leakage_measures import later_shares
from workbench.data.schema import ITEM, TIME
from workbench.diagnose.verdict.card import Card, Figure, mean_figure
from workbench.errors import UserError
from workbench.evaluate import per_case
from workbench.evaluate.compare import interval

FINENESS = 500  # an interval needs few distinct values; shares are rounded to so many steps for it
NEVER = np.iinfo(np.int64).max


def timed(histories: Histories) -> np.ndarray:
    """(N,) times of the events; UserError where there are none."""
    if histories.times is None:
        raise UserError("the dataset has no timestamps", code=3)
    return histories.times


def last_items(cases: Cases) -> np.ndarray:
    """(C,) int64: the item before each target."""
    return cases.histories.items[cases.histories.offsets[1:] - 1].astype(np.int64)


def leakage(cut: Split) -> Card:
    """How much of train lies in the future of the test events. UserError without times or train events.

    future leakage: mean over test cases of the share of train events later than the case. train events after the
    median test event: of train, and with the validation events. targets known only later: test cases whose target
    occurs in train, but never at or before the time of the test event.
    """
    train, test = timed(cut.train), cut.test.times
    if not len(train):
        raise UserError("there are no train events", code=3)
    shares, median = later_shares(train, test), np.median(test)
    low, high = interval(np.round(shares * FINENESS) / FINENESS)
    both = np.concatenate([train, cut.valid.times])
    first = first_seen(cut.train.items, train, cut.n_items)[cut.test.targets]
    under = f"Under {cut.protocol.split}"
    return Card((
        Figure("future leakage", float(shares.mean()), low, high, 0.0, "above", len(test),
               f"{under}, for a test case {shares.mean():.1%} of the train events lie in its future, on average."),
        Figure("train events after the median test event", float((train > median).mean()), null=0.0, toward="above",
               n=len(train), note="Share of the train events that are later than half of the test events."),
        Figure("train and validation events after the median test event", float((both > median).mean()), null=0.0,
               toward="above", n=len(both), note="The same of train and validation events together."),
        mean_figure("targets known only later", (first > test) & (first < NEVER), null=0.0, toward="above",
                    note="Share of test targets that occur in train, but only after the test event."),
    ))  # fmt: skip


def first_seen(items: np.ndarray, times: np.ndarray, n_items: int) -> np.ndarray:
    """(I+1,) int64: the earliest time of each item, the largest integer for one that never occurs."""
    first = np.full(n_items + 1, NEVER)
    np.minimum.at(first, items, times)
    return first


def memorised(cut: Split) -> tuple[np.ndarray, np.ndarray]:
    """(C,) bool each: whether the step from the last item to the target occurs in train, and whether every time that
    it does lies after the test event. UserError without times."""
    times, width = timed(cut.train), cut.n_items + 1
    inside = np.diff(cut.train.rows()) == 0
    steps = cut.train.items[:-1][inside].astype(np.int64) * width + cut.train.items[1:][inside]
    if not len(steps):
        raise UserError("no train history has two events, so there are no transitions", code=3)
    when = np.maximum(times[:-1], times[1:])[inside]
    order = np.argsort(steps)
    steps, start = np.unique(steps[order], return_index=True)
    first = np.minimum.reduceat(when[order], start)
    asked = last_items(cut.test) * width + cut.test.targets
    at = np.minimum(np.searchsorted(steps, asked), len(steps) - 1)
    known = steps[at] == asked
    return known, known & (first[at] > cut.test.times)


def future_transitions(cut: Split, *, hits: np.ndarray | None = None) -> Card:
    """Memorised test cases (the step from the last item to the target occurs in train, 2603.19809), and how many of
    them stand on steps that all happened after the test event (ours).

    hits: (C,) bool, whether a model has the target in its top ten; then also the share among its memorised hits.
    UserError without times, transitions or memorised cases.
    """
    known, future = memorised(cut)
    figures = [
        mean_figure("memorised test cases", known, note="Share of test cases whose step occurs in train."),
        mean_figure("memorised from the future", future[known], null=0.0, toward="above",
                    note="Of the memorised test cases, the share of which every train occurrence is later."),
    ]  # fmt: skip
    if hits is not None:
        among = known & np.asarray(hits, bool)
        figures.append(mean_figure(
            "memorised hits from the future", future[among], null=0.0, toward="above",
            note="Of the hits in the top ten whose step occurs in train, the share of which every occurrence is later.",
        ))  # fmt: skip
    return Card(tuple(figures))


def future_items(lists: np.ndarray, cases: Cases, dataset: Dataset) -> Card:
    """Recommended items that did not exist yet (2010.11060). UserError without times.

    lists: (C, k) item ids, best first, for the C cases, deeper than ten so that a place that falls free is filled.
    future items in lists: share of the first ten places given to items that first occur, in the whole log, after the
    test event. gain from masking them: NDCG@10 with those items taken out of the lists, less that with them.
    """
    if cases.times is None or not dataset.has_times:
        raise UserError("the dataset has no timestamps", code=3)
    events = dataset.interactions
    first = first_seen(events[ITEM].to_numpy(), events[TIME].to_numpy(np.int64), dataset.n_items)
    early = first[lists] > cases.times[:, None]
    hit = lists == cases.targets[:, None]
    place = np.where(hit.any(1), hit.argmax(1) + 1, 0)
    before = np.take_along_axis(np.cumsum(early, axis=1), hit.argmax(1)[:, None], axis=1)[:, 0]
    gain = per_case("ndcg@10", np.where(place > 0, place - before, 0)) - per_case("ndcg@10", place)
    missing = later_shares(first[1:], cases.times).mean()
    return Card((
        mean_figure("future items in lists", early[:, :10].mean(axis=1), null=0.0, toward="above",
                    note=f"Share of the ten recommended items that first occur after the test event; of all items, "
                         f"that is {missing:.1%}."),
        mean_figure("gain from masking future items", gain,
                    note=f"NDCG@10 without the items that do not exist yet, from the first {lists.shape[1]}, less "
                         "NDCG@10 with them; it cannot be below 0."),
    ))  # fmt: skip
