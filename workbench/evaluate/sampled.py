"""Evaluation on sampled items, for what scores pairs and cannot rank a catalogue. The figures carry a protocol of their
own: sampled metrics estimate another quantity than those of full ranking, and are far higher."""
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from workbench.data import Cases, Split
from workbench.errors import UserError
from workbench.evaluate.metrics import per_case

ROUNDS = 200  # of drawing again what must not be drawn, before giving up


class SampledEvaluation(NamedTuple):
    """auc: of one target and one sampled item a pair, all pairs pooled, ties half. ranks, ties: (N,) of each target
    among the sampled items: one more than score higher, and the number that score the same, with the target itself.
    protocol: that of the split, whose field candidates says what was sampled."""

    auc: float
    ranks: np.ndarray
    ties: np.ndarray
    protocol: dict[str, Any]

    def metric(self, name: str) -> float:
        """The mean over targets of a metric such as "ndcg@10", of each target alone among the sampled items."""
        return float(per_case(name, self.ranks, self.ties).mean())


def evaluate_sampled(
    reranker: Any, cases: Cases, split: Split, *, n: int = 100, seed: int = 0, batch: int = 512
) -> SampledEvaluation:
    """Scores of every target and of n items sampled uniformly for it, other than those of its history and its targets.

    reranker: a `verb_interfaces.Reranker`. UserError if n < 1, or if nearly all items are of one user.
    """
    if n < 1:
        raise UserError(f"n={n} sampled items; at least one is needed")
    items = np.concatenate([cases.targets[:, None], sample_items(cases, split.n_items, n, seed)], axis=1)
    single, scores = cases.one_each().histories, np.zeros(items.shape)
    for start in range(0, len(items), batch):
        rows = np.arange(start, min(start + batch, len(items)))
        scores[rows] = reranker.rescore(single.take(rows), items[rows])
    own, others = scores[:, :1], scores[:, 1:]
    protocol = split.protocol.dict() | {"candidates": f"sampled: {n} uniform, seed {seed}"}
    ranks, ties = 1 + (others > own).sum(axis=1), 1 + (others == own).sum(axis=1)
    return SampledEvaluation(pooled_auc(own[:, 0], others[:, 0]), ranks, ties, protocol)


def pooled_auc(positive: np.ndarray, negative: np.ndarray) -> float:
    """The share of pairs of a positive (P,) and a negative (Q,) score in which the first is higher; ties half.

    >>> pooled_auc(np.array([2.0, 1.0]), np.array([1.0, 0.0]))
    0.875
    """
    ranks = pd.Series(np.concatenate([positive, negative])).rank().to_numpy()[: len(positive)]
    n = len(positive)
    return float((ranks.sum() - n * (n + 1) / 2) / (n * len(negative)))


def sample_items(cases: Cases, n_items: int, n: int, seed: int = 0) -> np.ndarray:
    """(N, n) items for each target, uniform and with replacement among those that are neither in the history of its
    case nor a target of it."""
    rng, width, of = np.random.default_rng([seed, n]), n_items + 1, cases.rows()
    taken = np.concatenate([cases.histories.rows() * width + cases.histories.items, of * width + cases.targets])
    taken, rows = np.unique(taken), np.repeat(of, n)
    items = rng.integers(1, width, len(rows))
    wrong = np.flatnonzero(_among(rows * width + items, taken))
    for _ in range(ROUNDS):
        if not len(wrong):
            return items.reshape(-1, n)
        items[wrong] = rng.integers(1, width, len(wrong))
        wrong = wrong[_among(rows[wrong] * width + items[wrong], taken)]
    raise UserError(f"hardly an item of {n_items:,} is left to sample for a user who has nearly all", code=3)


def _among(keys: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """(n,) bool: whether each key is one of the distinct ordered keys, which is not empty."""
    return ordered[np.searchsorted(ordered, keys).clip(max=len(ordered) - 1)] == keys
