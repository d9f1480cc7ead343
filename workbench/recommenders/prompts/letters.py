"""Candidates behind letters: in which order they stand, how their letters are read back, and how much that matters."""
import numpy as np

from workbench.train import named_rng


def letter_orders(candidates: np.ndarray, shuffles: int, seed: int) -> np.ndarray:
    """(S, B, N) int64: for each of S shuffles, which candidate (B, N) stands behind each letter.

    Every shuffle orders all items by a random key of its own, so that an order follows from the set of candidates
    alone: it is the same in whatever order they were retrieved, and whoever else is asked about.
    """
    found = []
    for shuffle in range(shuffles):
        keys = named_rng(seed, "letters", shuffle).random(int(candidates.max(initial=0)) + 1)
        found.append(np.argsort(keys[candidates], axis=1, kind="stable"))
    return np.stack(found)


def by_candidate(letter_scores: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """(..., N) scores of letters as those of the candidates behind them. orders: (..., N) of `letter_orders`."""
    scores = np.empty_like(letter_scores)
    np.put_along_axis(scores, orders, letter_scores, axis=-1)
    return scores


def position_bias(scores: np.ndarray) -> float:
    """The share, 0 to 1, of the variance of scores (S, B, N) of the same candidates behind S orders of the letters that
    lies between the orders: 0 where letters do not matter, 1 where only they do. Scores count within their list, so
    that what moves a whole list counts for nothing; 0 where all are equal."""
    within = scores - scores.mean(axis=2, keepdims=True)
    total = float(np.square(within).mean())
    return float(within.var(axis=0).mean()) / total if total else 0.0
