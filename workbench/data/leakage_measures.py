"""Ways in which a benchmark gives its answers away, or has no single answer, as plain measures of arrays."""
from dataclasses import replace

import numpy as np
import pandas as pd

from workbench.data.protocol import Protocol
from workbench.data.schema import Dataset
from workbench.data.splits import Split, split
from workbench.errors import UserError
from workbench.progress import track

DEPTH = 10
CHANCE = (1 / np.log2(np.arange(2, DEPTH + 2))).sum()  # over I items: NDCG@10 of a random ranking


def gains(rank: np.ndarray) -> np.ndarray:
    """(C,) NDCG@10 of one target each from its 1-based rank; 0 means not in the list.

    >>> gains(np.array([1, 3, 0, 11])).tolist()
    [1.0, 0.5, 0.0, 0.0]
    """
    return np.where((rank >= 1) & (rank <= DEPTH), 1 / np.log2(np.maximum(rank, 1) + 1), 0.0)


def gini(counts: np.ndarray) -> float:
    """How unequally events fall on items: 0 all alike, towards 1 all on one.

    >>> gini(np.array([2, 2, 2])), gini(np.array([0, 0, 1, 3]))
    (0.0, 0.625)
    """
    ordered, n = np.sort(counts), len(counts)
    return float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (n * max(1, ordered.sum())))


def later_shares(train_times: np.ndarray, test_times: np.ndarray) -> np.ndarray:
    """(C,) per test case the share of train events later than it.

    >>> later_shares(np.array([1, 2, 9]), np.array([5, 9])).round(3).tolist()
    [0.333, 0.0]
    """
    return 1 - np.searchsorted(np.sort(train_times), test_times, side="right") / len(train_times)


def future_share(train_times: np.ndarray, test_times: np.ndarray) -> float:
    """Mean over test cases of the share of train events later than the case (Ji et al. 2020, arXiv:2010.11060)."""
    return float(later_shares(train_times, test_times).mean())


def transition_gains(cut: Split) -> np.ndarray:
    """(C,) NDCG@10 per test case of the plainest sequential rule: what followed the last item most often in train.

    Equal counts are settled by popularity, then by id (a seeded hash); items never seen to follow are not listed.
    """
    train, width = cut.train, cut.n_items + 1
    inside = np.diff(train.rows()) == 0
    pairs = train.items[:-1][inside].astype(np.int64) * width + train.items[1:][inside]
    key, count = np.unique(pairs, return_counts=True)
    before, after = key // width, key % width
    order = np.lexsort((after, -cut.train_counts()[after], -count, before))
    starts = np.searchsorted(before, before)  # `before` is sorted, and stays so under `order`
    rank = np.empty(len(key), np.int64)
    rank[order] = np.arange(len(key)) - starts + 1
    asked = cut.test.histories.items[cut.test.histories.offsets[1:] - 1].astype(np.int64) * width + cut.test.targets
    at = np.minimum(np.searchsorted(key, asked), max(len(key) - 1, 0))
    return gains(np.where(key[at] == asked, rank[at], 0)) if len(key) else np.zeros(len(asked))


def tie_orders(dataset: Dataset, protocol: Protocol, orders: int = 20, *, users: int | None = None) -> pd.DataFrame:
    """One row per seeded order of tied events: the item-transition NDCG@10, and the share of users whose target is
    another item than under the first order. users: only so many, as in `split`."""
    rows, first = [], None
    for seed in track(range(orders), "orders of ties", unit="orders"):
        cut = split(dataset, replace(protocol, ties="hash", tie_seed=seed), users=users)
        first = cut.test.targets if first is None else first
        rows.append((seed, transition_gains(cut).mean(), (cut.test.targets != first).mean()))
    return pd.DataFrame(rows, columns=["tie_seed", "ndcg@10", "targets_changed"])


def number_columns(dataset: Dataset) -> dict[str, np.ndarray]:
    """Item columns that number the items: whole numbers, one for each, none twice; as (I,) ranks."""
    found = {}
    for name, column in dataset.items.items():
        if pd.api.types.is_float_dtype(column) or pd.api.types.is_bool_dtype(column) or column.isna().any():
            continue
        text = column.astype("string")
        if text.str.fullmatch(r"\d{1,18}").all() and not text.duplicated().any():
            found[str(name)] = text.astype("int64").rank().to_numpy(np.int64)
    return found


def next_id(cut: Split, number: np.ndarray) -> np.ndarray:
    """(C,) NDCG@10 per test case of "recommend the ten items numbered next after the last one".

    number: (I,) ranks of items 1..I in some numbering. A numbering by first appearance scores far above chance.
    """
    number = np.concatenate([[0], number])
    last = cut.test.histories.items[cut.test.histories.offsets[1:] - 1]
    step = number[cut.test.targets] - number[last]
    return gains(np.where(step >= 1, step, 0))


def divergence(a: np.ndarray, b: np.ndarray) -> float:
    """Jensen-Shannon divergence in bits of two tables of counts: 0 the same shares, 1 nothing in common.

    >>> divergence(np.array([1, 1, 0]), np.array([2, 2, 0])), divergence(np.array([3, 0]), np.array([0, 5]))
    (0.0, 1.0)
    """
    p, q = a / a.sum(), b / b.sum()
    mean = (p + q) / 2
    parts = [np.sum(x[x > 0] * np.log2(x[x > 0] / mean[x > 0])) for x in (p, q)]
    return float(sum(parts) / 2)


def drift(items: np.ndarray, times: np.ndarray) -> tuple[float, float]:
    """(divergence of the early and the late half of the events, the same for every other event: the sampling floor).

    UserError where all events happen at one time.
    """
    if times.min() == times.max():
        raise UserError("all events have the same time", code=3)
    ordered, width = items[np.argsort(times, kind="stable")], int(items.max()) + 1
    half = len(ordered) // 2

    def apart(a: np.ndarray, b: np.ndarray) -> float:
        return divergence(np.bincount(a, minlength=width), np.bincount(b, minlength=width))

    return apart(ordered[:half], ordered[half:]), apart(ordered[::2], ordered[1::2])
