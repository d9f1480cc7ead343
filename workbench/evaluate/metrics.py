"""Ranking metrics per case, so that runs can be compared pairwise; those of sets of targets are in set_metrics.

A rank is 1-based; 0 means "not in the list". Items with colliding codes appear in a list as one group of g items: if
its first rank is p, the target is equally likely at each of p..p+g-1, and every metric is the expectation over these
ranks (collision-corrected evaluation, arXiv:2605.25330). With g = 1 this is the ordinary metric.
"""
import re

import numpy as np

from workbench.errors import UserError, unknown_name
from workbench.evaluate.set_metrics import metric_of_sets

KS = (1, 5, 10, 20)  # cutoffs that are reported
DEPTH = max(KS)  # default length of evaluated lists
GAINS = {
    "recall": lambda rank: np.ones_like(rank),
    "ndcg": lambda rank: 1 / np.log2(rank + 1),
    "mrr": lambda rank: 1 / rank,
}
WITH_ONE_TARGET = {"precision": "recall", "hit": "recall", "map": "mrr"}  # precision is this recall / k
REPORTED = ("recall", "ndcg", "mrr")
REPORTED_OF_SETS = (*REPORTED, "precision", "map", "hit")


def parse_metric(name: str) -> tuple[str, int]:
    """("ndcg", 10) for "ndcg@10"; UserError for an unknown metric.

    >>> parse_metric("recall@5")
    ('recall', 5)
    """
    match = re.fullmatch(r"(\w+)@([1-9]\d*)", name)
    if not match or match[1] not in REPORTED_OF_SETS:
        raise unknown_name("metric", name, [f"{kind}@k" for kind in REPORTED_OF_SETS])
    return match[1], int(match[2])


def per_case(
    name: str, ranks: np.ndarray, groups: np.ndarray | None = None, offsets: np.ndarray | None = None
) -> np.ndarray:
    """(C,) float64 values of a metric such as "ndcg@10" from ranks (C,) and code-group sizes (C,) or None.

    offsets: (C+1,) where a case has a set of targets: those of case c are offsets[c] to offsets[c+1] of ranks (N,).

    >>> per_case("ndcg@10", np.array([1, 3, 0]))
    array([1. , 0.5, 0. ])
    >>> per_case("recall@3", np.array([3]), np.array([4])), per_case("ndcg@3", np.array([3]), np.array([4]))
    (array([0.25]), array([0.125]))
    >>> per_case("map@10", np.array([1, 3, 0, 2]), offsets=np.array([0, 3, 4])).round(3)
    array([0.556, 0.5  ])
    """
    kind, k = parse_metric(name)
    ranks = np.asarray(ranks, np.int64)
    if (ranks < 0).any():
        raise UserError("ranks must be positive, or 0 for a miss; got a negative rank")
    size = np.ones_like(ranks) if groups is None else np.asarray(groups, np.int64)
    if offsets is None:
        gain = expected_gain(WITH_ONE_TARGET.get(kind, kind), k, ranks, size)
        return gain / k if kind == "precision" else gain
    expected = expected_gain("ndcg" if kind == "ndcg" else "recall", k, ranks, size)
    return metric_of_sets(kind, k, ranks, size, np.asarray(offsets, np.int64), expected)


def expected_gain(kind: str, k: int, ranks: np.ndarray, size: np.ndarray) -> np.ndarray:
    """(N,) expected gain of each target, equally likely at each of the `size` (N,) places from its rank (N,) on."""
    total = np.concatenate([[0.0], np.cumsum(GAINS[kind](np.arange(1.0, k + 1)))])
    first, last = np.minimum(ranks - 1, k), np.minimum(ranks + size - 1, k)
    return np.where(ranks > 0, (total[last] - total[first]) / size, 0.0)


def check_depth(name: str, depth: int | None, label: str) -> None:
    """UserError if the cutoff of a metric exceeds the depth of the evaluated lists (None: DEPTH). label: the run."""
    depth = DEPTH if depth is None else depth
    if parse_metric(name)[1] > depth:
        raise UserError(f"{name}: {label} was evaluated to depth {depth} only")


def popularity_groups(targets: np.ndarray, train_counts: np.ndarray) -> dict[str, np.ndarray]:
    """Boolean (N,) masks of targets (N,) by their train count (I+1,): head (the most frequent fifth of the
    catalogue, ties by lower id), cold (never in train) and tail (the rest)."""
    counts = train_counts[1:]
    head = np.zeros(len(train_counts), bool)
    head[1 + np.argsort(-counts, kind="stable")[: len(counts) // 5]] = True
    cold = train_counts[targets] == 0
    return {"head": head[targets] & ~cold, "tail": ~head[targets] & ~cold, "cold": cold}
