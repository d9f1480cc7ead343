"""Ranking metrics of single-target cases from the place of the target, per case, so that runs can be paired.

A place is 1-based and 0 means "not in the list". Where codes collide, a group of g items stands in the list as one:
its first place is p and the target is anywhere in p..p+g-1 with equal chance, so every metric is the expectation over
those places (collision-corrected evaluation, arXiv:2605.25330). With g = 1 this is the plain metric.
"""
import re

import numpy as np

from workbench.errors import UserError, unknown

KS = (1, 5, 10, 20)
DEPTH = max(KS)
GAINS = {
    "recall": lambda place: np.ones_like(place),
    "ndcg": lambda place: 1 / np.log2(place + 1),
    "mrr": lambda place: 1 / place,
}


def parse(name: str) -> tuple[str, int]:
    """("ndcg", 10) for "ndcg@10"; UserError for anything else.

    >>> parse("recall@5")
    ('recall', 5)
    """
    match = re.fullmatch(r"(\w+)@([1-9]\d*)", name)
    if not match or match[1] not in GAINS:
        raise unknown("metric", name, [f"{kind}@k" for kind in GAINS])
    return match[1], int(match[2])


def per_case(name: str, ranks: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
    """(C,) float64 values of a metric such as "ndcg@10" from places (C,) and code-group sizes (C,) or None.

    >>> per_case("ndcg@10", np.array([1, 3, 0]))
    array([1. , 0.5, 0. ])
    >>> per_case("recall@3", np.array([3]), np.array([4])), per_case("ndcg@3", np.array([3]), np.array([4]))
    (array([0.25]), array([0.125]))
    """
    kind, k = parse(name)
    total = np.concatenate([[0.0], np.cumsum(GAINS[kind](np.arange(1.0, k + 1)))])
    ranks = np.asarray(ranks, np.int64)
    if (ranks < 0).any():
        raise UserError("places are 1-based, 0 for a miss; a negative one was given")
    size = 1 if groups is None else np.asarray(groups, np.int64)
    first, last = np.minimum(ranks - 1, k), np.minimum(ranks + size - 1, k)
    return np.where(ranks > 0, (total[last] - total[first]) / size, 0.0)


def strata(targets: np.ndarray, train_counts: np.ndarray) -> dict[str, np.ndarray]:
    """Boolean (C,) masks by the target's train count (I+1,): cold never occurs in train, head is the most frequent
    fifth of the catalogue (the lower id first among equals), tail is the rest."""
    counts = train_counts[1:]
    head = np.zeros(len(train_counts), bool)
    head[1 + np.argsort(-counts, kind="stable")[: len(counts) // 5]] = True
    cold = train_counts[targets] == 0
    return {"head": head[targets] & ~cold, "tail": ~head[targets] & ~cold, "cold": cold}
