"""Measures of a chosen set beside the true one, a value a visit; and the threshold above which an item is chosen."""
from typing import NamedTuple

import numpy as np
from scipy import sparse

LOGITS = np.arange(-6.0, 4.01, 0.25)  # of the thresholds that are tried


class Prescribed(NamedTuple):
    """What is prescribed at n visits. scores: (n, I+1), from 0 to 1, column 0 is none. chosen: (n, I+1) bool."""

    scores: np.ndarray
    chosen: np.ndarray


def choose(scores: np.ndarray, threshold: float) -> np.ndarray:
    """(n, I+1) bool: items whose score is at least a threshold, and the first of those with the greatest score, so that
    no set is empty. Column 0 is never chosen.

    >>> choose(np.array([[0.9, 0.2, 0.4, 0.4], [0.9, 0.6, 0.1, 0.7]]), 0.5)[:, 1:].tolist()
    [[False, True, False], [True, False, True]]
    """
    scores = np.array(scores, np.float64)
    scores[:, 0] = -np.inf
    chosen = scores >= threshold
    chosen[np.arange(len(scores)), scores.argmax(axis=1)] = True
    return chosen


def best_threshold(scores: np.ndarray, truth: np.ndarray) -> float:
    """The threshold of the highest mean Jaccard over visits, of equal ones the lowest; scores and truth (n, I+1).

    >>> round(best_threshold(np.array([[0, 0.9, 0.3, 0.1]]), np.array([[0, 1, 1, 0]], bool)), 3)
    0.119
    """
    tried = 1 / (1 + np.exp(-LOGITS))
    found = [jaccard(choose(scores, threshold), truth).mean() for threshold in tried]
    return float(tried[int(np.argmax(found))])


def jaccard(chosen: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(n,) |A and B| / |A or B| of sets (n, I+1) bool; 0 where both are empty."""
    either = (chosen | truth).sum(axis=1)
    return (chosen & truth).sum(axis=1) / np.maximum(either, 1)


def f1(chosen: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(n,) 2 |A and B| / (|A| + |B|) of sets (n, I+1) bool, the harmonic mean of precision and recall."""
    return 2 * (chosen & truth).sum(axis=1) / np.maximum(chosen.sum(axis=1) + truth.sum(axis=1), 1)


def prauc(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(n,) area under precision and recall within a visit, as average precision over thresholds; equal scores are one
    threshold, so their order is of no account (sklearn.metrics.average_precision_score). 0 for an empty truth.

    >>> prauc(np.array([[0, 0.9, 0.8, 0.1]]), np.array([[0, 1, 0, 1]], bool)).round(4).tolist()
    [0.8333]
    """
    scores, truth = np.asarray(scores, np.float64)[:, 1:], truth[:, 1:]
    order = np.argsort(-scores, axis=1, kind="stable")
    ranked, hits = np.take_along_axis(scores, order, 1), np.take_along_axis(truth, order, 1)
    places = np.arange(1, ranked.shape[1] + 1)
    last = np.concatenate([ranked[:, 1:] != ranked[:, :-1], np.ones((len(ranked), 1), bool)], axis=1)
    end = np.minimum.accumulate(np.where(last, places, places[-1])[:, ::-1], axis=1)[:, ::-1]  # of equal scores
    found = np.take_along_axis(np.cumsum(hits, axis=1), end - 1, 1)
    return (hits * found / end).sum(axis=1) / np.maximum(truth.sum(axis=1), 1)


def conflict_rate(sets: np.ndarray, conflicts: np.ndarray) -> np.ndarray:
    """(n,) share of the pairs within a set (n, I+1) bool that conflict; conflicts (p, 2), ids. 0 for fewer than two.

    >>> conflict_rate(np.array([[0, 1, 1, 1], [0, 1, 0, 0]], bool), np.array([[1, 2]])).round(4).tolist()
    [0.3333, 0.0]
    """
    n, width = sets.sum(axis=1), sets.shape[1]
    first, second = conflicts.T
    links = sparse.csr_matrix((np.ones(len(first)), (first, second)), (width, width))
    own = sparse.csr_matrix(sets.astype(np.float64))
    found = np.asarray((own @ links).multiply(own).sum(axis=1)).ravel()
    return found / np.maximum(n * (n - 1) / 2, 1)
