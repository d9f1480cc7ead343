"""Measures of data leakage and of ambiguous targets: future leakage, id order, tied timestamps, popularity drift."""
from dataclasses import replace

import numpy as np
import pandas as pd

from workbench.data.protocol import Protocol
from workbench.data.schema import Dataset
from workbench.data.splits import Split, split
from workbench.errors import UserError
from workbench.progress import track

TOP_K = 10
EXPECTED_DCG = (1 / np.log2(np.arange(2, TOP_K + 2))).sum()  # divided by I: expected NDCG@10 of a random ranking


def ndcg_from_rank(rank: np.ndarray) -> np.ndarray:
    """(C,) NDCG@10 of cases with one target each, from its 1-based rank; rank 0 means not in the list.

    >>> ndcg_from_rank(np.array([1, 3, 0, 11])).tolist()
    [1.0, 0.5, 0.0, 0.0]
    """
    return np.where((rank >= 1) & (rank <= TOP_K), 1 / np.log2(np.maximum(rank, 1) + 1), 0.0)


def gini(counts: np.ndarray) -> float:
    """Gini coefficient of counts: 0 where all are equal, towards 1 where one item has all events.

    >>> gini(np.array([2, 2, 2])), gini(np.array([0, 0, 1, 3]))
    (0.0, 0.625)
    """
    ordered, n = np.sort(counts), len(counts)
    return float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (n * max(1, ordered.sum())))


def future_shares(train_times: np.ndarray, test_times: np.ndarray) -> np.ndarray:
    """(C,) share of train events later than each test case.

    >>> future_shares(np.array([1, 2, 9]), np.array([5, 9])).round(3).tolist()
    [0.333, 0.0]
    """
    return 1 - np.searchsorted(np.sort(train_times), test_times, side="right") / len(train_times)


def mean_future_share(train_times: np.ndarray, test_times: np.ndarray) -> float:
    """Mean over test cases of the share of train events later than the case (Ji et al. 2020, arXiv:2010.11060)."""
    return float(future_shares(train_times, test_times).mean())


def transition_ndcg(cut: Split) -> np.ndarray:
    """(C,) NDCG@10 of the transition baseline, which ranks items by how often they followed the last item in train.

    Ties are broken by popularity, then by id (a seeded hash); items that never followed are not ranked.
    """
    train, width = cut.train, cut.n_items + 1
    same_history = np.diff(train.rows()) == 0
    pairs = train.items[:-1][same_history].astype(np.int64) * width + train.items[1:][same_history]
    key, count = np.unique(pairs, return_counts=True)
    before, after = key // width, key % width
    order = np.lexsort((after, -cut.train_counts()[after], -count, before))
    starts = np.searchsorted(before, before)  # `before` is sorted, and stays so under `order`
    rank = np.empty(len(key), np.int64)
    rank[order] = np.arange(len(key)) - starts + 1
    last = cut.test.histories.items[cut.test.histories.offsets[1:] - 1]
    target_pairs = last.astype(np.int64) * width + cut.test.targets
    position = np.minimum(np.searchsorted(key, target_pairs), max(len(key) - 1, 0))
    if not len(key):
        return np.zeros(len(target_pairs))
    return ndcg_from_rank(np.where(key[position] == target_pairs, rank[position], 0))


def tie_order_sensitivity(
    dataset: Dataset, protocol: Protocol, orders: int = 20, *, users: int | None = None
) -> pd.DataFrame:
    """One row per seeded order of tied events: NDCG@10 of the transition baseline, and the share of changed targets.

    Changes are relative to the first order. users: size of a user sample, as in `split`.
    """
    rows, first = [], None
    for seed in track(range(orders), "tie orders", unit="orders"):
        cut = split(dataset, replace(protocol, ties="hash", tie_seed=seed), users=users)
        first = cut.test.targets if first is None else first
        rows.append((seed, transition_ndcg(cut).mean(), (cut.test.targets != first).mean()))
    return pd.DataFrame(rows, columns=["tie_seed", "ndcg@10", "targets_changed"])


def numeric_id_columns(dataset: Dataset) -> dict[str, np.ndarray]:
    """Item columns with a distinct integer for every item, as (I,) ranks."""
    columns = {}
    for name, column in dataset.items.items():
        if pd.api.types.is_float_dtype(column) or pd.api.types.is_bool_dtype(column) or column.isna().any():
            continue
        text = column.astype("string")
        if text.str.fullmatch(r"\d{1,18}").all() and not text.duplicated().any():
            columns[str(name)] = text.astype("int64").rank().to_numpy(np.int64)
    return columns


def next_id_ndcg(cut: Split, number: np.ndarray) -> np.ndarray:
    """(C,) NDCG@10 of recommending the ten items numbered next after the last item of the history.

    number: (I,) ranks of items 1..I in a numbering. A numbering by first appearance scores far above chance.
    """
    number = np.concatenate([[0], number])
    last = cut.test.histories.items[cut.test.histories.offsets[1:] - 1]
    step = number[cut.test.targets] - number[last]
    return ndcg_from_rank(np.where(step >= 1, step, 0))


def jensen_shannon(a: np.ndarray, b: np.ndarray) -> float:
    """Jensen-Shannon divergence in bits of two count vectors: 0 for equal shares, 1 for disjoint supports.

    >>> jensen_shannon(np.array([1, 1, 0]), np.array([2, 2, 0])), jensen_shannon(np.array([3, 0]), np.array([0, 5]))
    (0.0, 1.0)
    """
    p, q = a / a.sum(), b / b.sum()
    mean = (p + q) / 2
    divergences = [np.sum(x[x > 0] * np.log2(x[x > 0] / mean[x > 0])) for x in (p, q)]
    return float(sum(divergences) / 2)


def popularity_drift(items: np.ndarray, times: np.ndarray) -> tuple[float, float]:
    """(Jensen-Shannon divergence between the early and the late half of the events, sampling baseline).

    The baseline is the divergence between the events of even and of odd position in time. UserError where all events
    have the same timestamp.
    """
    if times.min() == times.max():
        raise UserError("all events have the same timestamp", code=3)
    ordered, width = items[np.argsort(times, kind="stable")], int(items.max()) + 1
    half = len(ordered) // 2

    def between(a: np.ndarray, b: np.ndarray) -> float:
        return jensen_shannon(np.bincount(a, minlength=width), np.bincount(b, minlength=width))

    return between(ordered[:half], ordered[half:]), between(ordered[::2], ordered[1::2])
