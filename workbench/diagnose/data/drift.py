"""How fast tastes move: item shares of one stretch of the log against the next, new items, and what recent popularity
gains over that of all time."""
import numpy as np
import pandas as pd
from scipy.stats import rankdata, t

from workbench.data import Dataset, Split
from workbench.data.leakage_measures import divergence
from workbench.data.schema import ITEM, TIME
from workbench.diagnose.data.leakage import timed
from workbench.diagnose.verdict.card import Card, Figure, mean_figure
from workbench.errors import UserError
from workbench.evaluate import per_case
from workbench.train.rng import stream

DRAWS = 20


def drift(dataset: Dataset, *, windows: int = 10, seed: int = 0) -> Card:
    """Item shares of consecutive windows of equally many events, against the same events dealt into two at random.

    popularity drift: Jensen-Shannon divergence in bits, the mean over pairs of windows; its interval is over pairs.
    rank correlation: Spearman's, over the items of either window. UserError without times, where all events have one
    time, and with fewer than two events a window.
    """
    if not dataset.has_times:
        raise UserError("the dataset has no timestamps", code=3)
    items, times = dataset.interactions[ITEM].to_numpy(), dataset.interactions[TIME].to_numpy(np.int64)
    if times.min() == times.max():
        raise UserError("all events have the same time", code=3)
    if len(items) < 2 * windows:
        raise UserError(f"{len(items)} events are too few for {windows} windows", code=3)
    rng = stream(seed, "drift")
    order = rng.permutation(len(items))  # so that events of equal time stand in no order
    parts = np.array_split(items[order[np.argsort(times[order], kind="stable")]], windows)
    rows = []
    for early, late in zip(parts, parts[1:], strict=False):
        pooled = rng.permutation(np.concatenate([early, late]))
        real, dealt = (_counts(a, b) for a, b in ((early, late), np.split(pooled, [len(early)])))
        rows.append((divergence(*real), divergence(*dealt), rank_correlation(*real), rank_correlation(*dealt)))
    table = pd.DataFrame(rows, columns=["bits", "bits_dealt", "correlation", "correlation_dealt"])
    table.index = pd.RangeIndex(1, windows, name="window")
    mean, ordered = table.mean(), table.dropna()  # where all items of two windows are equally frequent none is
    drifted = Figure("popularity drift", *_mean(table["bits"]), mean["bits_dealt"], "above", windows - 1,
                     f"Bits between item shares of consecutive {windows}ths of the log; the null is chance.")
    if ordered.empty:
        why = "all items of two windows are equally frequent, so they have no order"
        return Card((drifted,), {"drift": table}, {"rank correlation of windows": why})
    return Card((
        drifted,
        Figure("rank correlation of windows", *_mean(ordered["correlation"]), ordered["correlation_dealt"].mean(),
               "below", len(ordered),
               "Spearman correlation of item counts of consecutive windows; the null deals events."),
    ), {"drift": table})  # fmt: skip


def _mean(pairs: pd.Series) -> tuple[float, float, float]:
    """The mean of pairs of windows, and the ends of a t interval by every second one: the others share a window."""
    alone = pairs.iloc[::2]
    half = t.ppf(0.975, len(alone) - 1) * alone.std() / np.sqrt(len(alone)) if len(alone) > 1 else np.nan
    return float(pairs.mean()), float(pairs.mean() - half), float(pairs.mean() + half)


def _counts(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    width = int(max(a.max(), b.max())) + 1
    return np.bincount(a, minlength=width), np.bincount(b, minlength=width)


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman correlation of two tables of counts, over what occurs in either; NaN where one is constant there.

    >>> round(rank_correlation(np.array([0, 1, 2, 3]), np.array([0, 3, 2, 1])), 3)
    -1.0
    """
    either = (a + b) > 0
    x, y = (rankdata(side[either]) - (either.sum() + 1) / 2 for side in (a, b))
    length = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / length) if length > 0 else np.nan


def new_items(cut: Split, *, seed: int = 0) -> Card:
    """Test targets that never occur in train, against as many events held out at random."""
    target, held = cut.test.targets, np.concatenate([cut.test.targets, cut.valid.targets])
    pool, rng = np.concatenate([cut.train.items, held]), stream(seed, "events held out")
    chance = []
    for _ in range(DRAWS):
        out = rng.permutation(len(pool))[: len(held)]
        left = np.bincount(pool, minlength=cut.n_items + 1) - np.bincount(pool[out], minlength=cut.n_items + 1)
        chance.append((left[pool[out]] == 0).mean())
    note = "Share of test targets that never occur in train; the null holds out events at random."
    figure = mean_figure(
        "new test targets", cut.train_counts()[target] == 0, null=float(np.mean(chance)), toward="above", note=note
    )
    return Card((figure,))


def recency(cut: Split, *, window: float = 0.1) -> Card:
    """NDCG@10 of the most popular items among the last tenth (`window`) of the train events, less that of the most
    popular of all train events, paired by case. UserError without times."""
    times, count = timed(cut.train), cut.train_counts()
    recent = cut.train.items[times >= np.quantile(times, 1 - window, method="lower")]
    last = np.bincount(recent, minlength=cut.n_items + 1)
    gains = {name: per_case("ndcg@10", popular_places(cut, c)) for name, c in (("recent", last), ("all", count))}
    table = pd.DataFrame({"ndcg@10": {name: gain.mean() for name, gain in gains.items()}}).rename_axis("popularity")
    figure = mean_figure(
        "recent less all-time popularity", gains["recent"] - gains["all"], null=0.0, toward="above",
        note=f"NDCG@10 of popularity in the last {window:.0%} of train ({gains['recent'].mean():.4f}) less that of "
             f"popularity in all of it ({gains['all'].mean():.4f}).",
    )  # fmt: skip
    return Card((figure,), {"recency": table})


def popular_places(cut: Split, counts: np.ndarray) -> np.ndarray:
    """(C,) places of the test targets by counts (I+1,), the lower id first among equals; the history is taken out where
    the protocol masks it, and a target in it has place 0."""
    place = np.empty(len(counts), np.int64)
    keys = np.concatenate([[np.inf], -counts[1:].astype(np.float64)])  # padding comes last
    place[np.argsort(keys, kind="stable")] = np.arange(len(counts))
    own, history = place[cut.test.targets] + 1, cut.test.histories
    if not cut.protocol.mask_history:
        return own
    pairs = np.unique(history.rows() * len(counts) + history.items)
    rows, there = pairs // len(counts), place[pairs % len(counts)] + 1
    better = np.bincount(rows[there < own[rows]], minlength=len(own))
    masked = np.bincount(rows[there == own[rows]], minlength=len(own)) > 0
    return np.where(masked, 0, own - better)
