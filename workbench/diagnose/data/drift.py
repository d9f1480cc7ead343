"""Popularity drift: item shares of consecutive time windows, cold-start targets, and recent against all-time
popularity."""
import numpy as np
import pandas as pd
from scipy.special import stdtrit

from workbench.data import Dataset, Split
from workbench.data.leakage_measures import jensen_shannon
from workbench.data.schema import ITEM, TIME
from workbench.diagnose.data.leakage import require_times
from workbench.diagnose.verdict.card import Card, Figure, mean_figure
from workbench.errors import UserError
from workbench.evaluate import per_case
from workbench.train.rng import named_rng

DRAWS = 20


def popularity_drift(dataset: Dataset, *, windows: int = 10, seed: int = 0) -> Card:
    """Drift of item shares between consecutive windows with equal numbers of events; null: the same events permuted.

    popularity drift: Jensen-Shannon divergence in bits, mean and interval over pairs of windows. rank correlation of
    windows: Spearman's, over the items of either window. UserError without timestamps, if all events have the same
    time, or with fewer than two events per window.
    """
    if not dataset.has_times:
        raise UserError("the dataset has no timestamps", code=3)
    items, times = dataset.interactions[ITEM].to_numpy(), dataset.interactions[TIME].to_numpy(np.int64)
    if times.min() == times.max():
        raise UserError("all events have the same time", code=3)
    if len(items) < 2 * windows:
        raise UserError(f"{len(items)} events are too few for {windows} windows", code=3)
    rng = named_rng(seed, "drift")
    order = rng.permutation(len(items))  # ties in time are ordered at random
    windows_of_items = np.array_split(items[order[np.argsort(times[order], kind="stable")]], windows)
    rows = []
    for early, late in zip(windows_of_items, windows_of_items[1:], strict=False):
        pooled = rng.permutation(np.concatenate([early, late]))
        observed, permuted = (_counts(a, b) for a, b in ((early, late), np.split(pooled, [len(early)])))
        rows.append((jensen_shannon(*observed), jensen_shannon(*permuted), spearman(*observed), spearman(*permuted)))
    table = pd.DataFrame(rows, columns=["js_divergence", "js_divergence_null", "spearman", "spearman_null"])
    table.index = pd.RangeIndex(1, windows, name="window")
    mean, defined = table.mean(), table.dropna()  # Spearman is undefined if all items are equally frequent
    drifted = Figure("popularity drift", *_mean(table["js_divergence"]), mean["js_divergence_null"], "above",
                     windows - 1,
                     f"Jensen-Shannon divergence in bits between item shares of consecutive {windows}ths of the log; "
                     "null: permuted events.")
    if defined.empty:
        why = "all items of two windows are equally frequent, so the rank correlation is undefined"
        return Card((drifted,), {"drift": table}, {"rank correlation of windows": why})
    return Card((
        drifted,
        Figure("rank correlation of windows", *_mean(defined["spearman"]), defined["spearman_null"].mean(),
               "below", len(defined),
               "Spearman correlation of item counts of consecutive windows; null: permuted events."),
    ), {"drift": table})  # fmt: skip


def _mean(pairs: pd.Series) -> tuple[float, float, float]:
    """The mean over pairs of windows, and a t interval from every second pair, as adjacent pairs share a window."""
    disjoint = pairs.iloc[::2]
    half = stdtrit(len(disjoint) - 1, 0.975) * disjoint.std() / np.sqrt(len(disjoint)) if len(disjoint) > 1 else np.nan
    return float(pairs.mean()), float(pairs.mean() - half), float(pairs.mean() + half)


def _counts(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    width = int(max(a.max(), b.max())) + 1
    return np.bincount(a, minlength=width), np.bincount(b, minlength=width)


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman correlation of two count vectors, over the entries that are nonzero in either; NaN if one is constant.

    >>> round(spearman(np.array([0, 1, 2, 3]), np.array([0, 3, 2, 1])), 3)
    -1.0
    """
    either = (a + b) > 0
    x, y = (pd.Series(side[either]).rank().to_numpy() - (either.sum() + 1) / 2 for side in (a, b))
    length = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / length) if length > 0 else np.nan


def cold_targets(split: Split, *, seed: int = 0) -> Card:
    """Test targets that never occur in train (cold start); null: as many events held out at random."""
    target, held_out = split.test.targets, np.concatenate([split.test.targets, split.valid.targets])
    pool, rng = np.concatenate([split.train.items, held_out]), named_rng(seed, "events held out")
    null = []
    for _ in range(DRAWS):
        out = rng.permutation(len(pool))[: len(held_out)]
        left = np.bincount(pool, minlength=split.n_items + 1) - np.bincount(pool[out], minlength=split.n_items + 1)
        null.append((left[pool[out]] == 0).mean())
    note = "Share of test targets that never occur in train; null: events held out at random."
    figure = mean_figure(
        "cold test targets", split.train_counts()[target] == 0, null=float(np.mean(null)), direction="above", note=note
    )
    return Card((figure,))


def recent_popularity(split: Split, *, window: float = 0.1) -> Card:
    """NDCG@10 of ranking by popularity in the last tenth (`window`) of the train events minus that of ranking by
    popularity in all of train, paired by case. UserError without timestamps."""
    times, count = require_times(split.train), split.train_counts()
    recent = split.train.items[times >= np.quantile(times, 1 - window, method="lower")]
    last = np.bincount(recent, minlength=split.n_items + 1)
    gains = {name: per_case("ndcg@10", popularity_ranks(split, c)) for name, c in (("recent", last), ("all", count))}
    table = pd.DataFrame({"ndcg@10": {name: gain.mean() for name, gain in gains.items()}}).rename_axis("popularity")
    figure = mean_figure(
        "recent minus all-time popularity", gains["recent"] - gains["all"], null=0.0, direction="above",
        note=f"NDCG@10 of popularity in the last {window:.0%} of train ({gains['recent'].mean():.4f}) minus that of "
             f"popularity in all of train ({gains['all'].mean():.4f}).",
    )  # fmt: skip
    return Card((figure,), {"recency": table})


def popularity_ranks(split: Split, counts: np.ndarray) -> np.ndarray:
    """(C,) ranks of the test targets by counts (I+1,), ties by lower id. Where the protocol masks the history, its
    items are excluded and a target in it has rank 0."""
    rank = np.empty(len(counts), np.int64)
    keys = np.concatenate([[np.inf], -counts[1:].astype(np.float64)])  # padding comes last
    rank[np.argsort(keys, kind="stable")] = np.arange(len(counts))
    own, history = rank[split.test.targets] + 1, split.test.histories
    if not split.protocol.mask_history:
        return own
    pairs = np.unique(history.rows() * len(counts) + history.items)
    rows, listed = pairs // len(counts), rank[pairs % len(counts)] + 1
    better = np.bincount(rows[listed < own[rows]], minlength=len(own))
    masked = np.bincount(rows[listed == own[rows]], minlength=len(own)) > 0
    return np.where(masked, 0, own - better)
