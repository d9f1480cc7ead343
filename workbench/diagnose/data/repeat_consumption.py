"""Repeat consumption, and the upper bound on NDCG of any method that sees the last item only."""
import numpy as np

from workbench.data import Histories, Split
from workbench.data.graph import last_items
from workbench.diagnose.verdict.card import Card, mean_figure
from workbench.evaluate import per_case
from workbench.train.rng import named_rng


def repeat_consumption(split: Split, *, seed: int = 0) -> Card:
    """Test targets that occur in their own history, and NDCG@10 of recommending the history, newest item first.

    Null: targets permuted between cases. Where the protocol masks the history, repeats cannot be recommended.
    """
    permuted = named_rng(seed, "targets dealt").permutation(split.test.targets)
    own, other = (repeat_ranks(split.test.histories, targets) for targets in (split.test.targets, permuted))
    share = mean_figure(
        "repeated test targets", own > 0, null=float((other > 0).mean()), direction="above",
        note="Share of test targets that already occur in the user's history; null: permuted targets.",
    )  # fmt: skip
    if split.protocol.mask_history:
        return Card((share,),
                    unmeasured={"repeat last": "the protocol masks the history, so its items cannot be recommended"})
    return Card((share, mean_figure(
        "repeat last", per_case("ndcg@10", own), null=float(per_case("ndcg@10", other).mean()), direction="above",
        note="NDCG@10 of recommending the history, newest item first.",
    )))  # fmt: skip


def repeat_ranks(histories: Histories, targets: np.ndarray) -> np.ndarray:
    """(C,) ranks of the targets among the distinct items of their history, newest first; 0 if absent.

    >>> rows = Histories(np.array([0, 4, 5]), np.array([3, 1, 2, 1]+[4]), np.arange(2))
    >>> repeat_ranks(rows, np.array([3, 1])).tolist()
    [3, 0]
    """
    rows, items = histories.rows(), histories.items
    width = int(max(items.max(initial=0), targets.max(initial=0))) + 1
    newest = np.unique((rows * width + items)[::-1], return_index=True)[1]  # newest occurrence of each item of a row
    is_newest = np.zeros(len(items), bool)
    is_newest[len(items) - 1 - newest] = True
    distinct = histories.where(is_newest)
    rows = distinct.rows()
    hit = distinct.items == targets[rows]
    ranks = np.zeros(len(histories), np.int64)
    ranks[rows[hit]] = distinct.offsets[1:][rows[hit]] - np.flatnonzero(hit)
    return ranks


def last_item_ceiling(split: Split, *, seed: int = 0) -> Card:
    """Upper bound on NDCG@10 of any method that sees the last item only: an oracle that ranks, for each last item, the
    targets of the test cases by frequency (ours).

    Null: targets permuted between cases, as a last item that few cases share bounds nothing. Where the protocol masks
    the history, the bound holds for the unmasked ranking.
    """
    last, targets = last_items(split.test.histories), split.test.targets
    unique_last = np.bincount(last)[last] == 1
    permuted = named_rng(seed, "targets dealt").permutation(targets)
    observed, null = (per_case("ndcg@10", oracle_ranks(last, each)) for each in (targets, permuted))
    return Card((
        mean_figure("label noise ceiling", observed, null=float(null.mean()), direction="above",
                    note="NDCG@10 of an oracle that knows the targets after each last item in test: an upper bound for "
                         "methods that see the last item only."),
        mean_figure("cases with a unique last item", unique_last,
                    note="Share of test cases whose last item occurs in no other case; the oracle scores 1 on them."),
    ))  # fmt: skip


def oracle_ranks(last: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(C,) ranks of targets (C,) among those with the same last item (C,), the most frequent first.

    >>> oracle_ranks(np.array([1, 1, 1, 2]), np.array([5, 6, 6, 5])).tolist()
    [2, 1, 1, 1]
    """
    width = int(targets.max(initial=0)) + 1
    pairs, inverse, count = np.unique(last * width + targets, return_inverse=True, return_counts=True)
    order = np.lexsort((-count, pairs // width))
    rank = np.empty(len(pairs), np.int64)
    rank[order] = np.arange(len(pairs)) - np.searchsorted(pairs // width, pairs // width) + 1
    return rank[inverse.ravel()]
