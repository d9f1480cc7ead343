"""What a question is worth where items count by their score, and which ones are a step on the graph away.

The walk of Lei et al., "Interactive path reasoning on graph for conversational recommendation" (SCPR), KDD 2020.
"""
from collections.abc import Callable

import numpy as np
from scipy.sparse import csc_matrix

from workbench.data.links.rewiring import rewired_edges
from workbench.envs.conversation import Observation
from workbench.recommenders.conversation.asking import actions, best_items, entropy, shares, unasked


class Asking:
    """The worth of questions in conversations that run side by side.

    matrix: (I+1, A) the attributes of items. walk: only attributes of a candidate that has the attribute accepted last
    are asked about; before the first yes all are. weighted: items count by `score_weights`, not alike. Without both, it
    is the entropy of the shares. A first observation, of turn 1, begins new conversations.
    """

    def __init__(self, matrix: csc_matrix, *, walk: bool = True, weighted: bool = True):
        self.matrix, self.walk, self.weighted = matrix, walk, weighted

    def gains(self, observation: Observation) -> np.ndarray:
        """(B, A) bits, -inf where an attribute is not asked about."""
        if (observation.turn == 1).all():
            self.last = np.full(len(observation.turn), -1)
            self.known = np.zeros_like(observation.known)
            self.weights = score_weights(observation) if self.weighted else None
        values = unasked(observation, entropy(shares(observation, self.matrix, self.weights)))
        if not self.walk:
            return values
        new = (observation.known == 1) & (self.known != 1)
        self.last = np.where(new.any(axis=1), new.argmax(axis=1), self.last)
        self.known = observation.known
        return np.where(neighbours(observation, self.matrix, self.last), values, -np.inf)


def ask_then_recommend(asking: Asking, *, k: int, turns: int) -> Callable[[Observation], np.ndarray]:
    """The rule that asks the best question until at most k candidates are left, no question divides them or it is the
    last turn, and then recommends."""

    def rule(observation: Observation) -> np.ndarray:
        gains = asking.gains(observation)
        many = (observation.candidates.sum(axis=1) > k) & (observation.turn < turns)
        return actions(many & (gains.max(axis=1) > 0), gains.argmax(axis=1), best_items(observation, k))

    return rule


def score_weights(observation: Observation) -> np.ndarray:
    """(B, I+1) float32 sigmoid of the scores of the candidates, standardised row by row, as scorers differ in scale."""
    from scipy.special import expit

    here, scores = observation.candidates, observation.scores
    n = np.maximum(here.sum(axis=1, keepdims=True), 1)
    mean = np.where(here, scores, 0).sum(axis=1, keepdims=True) / n
    spread = np.sqrt(np.where(here, (scores - mean) ** 2, 0).sum(axis=1, keepdims=True) / n)
    return expit((scores - mean) / np.where(spread > 0, spread, 1)).astype(np.float32)


def neighbours(observation: Observation, matrix: csc_matrix, last: np.ndarray) -> np.ndarray:
    """(B, A) bool: which attributes share a candidate with attribute last (B,), columns of matrix (I+1, A); all where
    it is -1."""
    reached = np.ones((len(last), matrix.shape[1]), bool)
    rows = np.flatnonzero(last >= 0)
    if len(rows):
        with_last = observation.candidates[rows] & (matrix[:, last[rows]].T.toarray() > 0)
        reached[rows] = np.asarray((matrix.T @ with_last.T.astype(np.float32)).T) > 0
    return reached


def rewired_attributes(matrix: csc_matrix, rng: np.random.Generator) -> csc_matrix:
    """(I+1, A) as many attributes of each item, and items of each attribute, but others."""
    links = matrix.tocoo()
    columns = rewired_edges(links.row, links.col, rng)
    return csc_matrix((links.data, (links.row, columns)), shape=matrix.shape)
