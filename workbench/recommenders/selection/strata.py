"""Sampling by strata of a score, so that easy, middling and hard samples are all there, as in CCS, arXiv:2210.15809."""
import numpy as np

from workbench.recommenders.selection.whole_histories import fill


def stratified(
    scores: np.ndarray, lengths: np.ndarray, budget: int, rng: np.random.Generator, *, hardest: float, strata: int
) -> np.ndarray:  # fmt: skip
    """(n,) rows with together at most `budget` events; exactly as many where all have length 1 and enough are left.

    scores: (N,). lengths: (N,) events of each row. hardest: share of the rows that is left out first, those of the
    highest scores. strata: parts of equal width of the range of the other scores; from the smallest part to the
    largest, rows are drawn for an equal part of what is left of the budget. What whole rows leave over goes to further
    ones at random. 1 is a random choice; 0 takes the highest scores.
    """
    ranked = np.argsort(-scores, kind="stable")[int(hardest * len(scores)) :]
    if not strata:
        return fill(ranked, lengths, budget)
    parts, left = [], budget
    groups = _strata(scores[ranked], strata)
    drawn = rng.permutation(ranked)
    of = np.empty(len(scores), np.int64)
    of[ranked] = groups
    sizes = np.bincount(groups, minlength=strata)
    order = [each for each in np.argsort(sizes, kind="stable") if sizes[each]]
    for done, stratum in enumerate(order):
        part = fill(drawn[of[drawn] == stratum], lengths, left // (len(order) - done))
        parts.append(part)
        left -= int(lengths[part].sum())
    parts.append(fill(drawn[~np.isin(drawn, np.concatenate(parts))], lengths, left))
    return np.concatenate(parts)


def _strata(scores: np.ndarray, n: int) -> np.ndarray:
    """(N,) in which of n parts of equal width of their range scores lie; a score at an edge is in the lower part."""
    edges = np.linspace(scores.min(initial=np.inf), scores.max(initial=-np.inf), n + 1) if len(scores) else np.zeros(2)
    return np.searchsorted(edges[1:-1], scores, side="left")
