"""Actions and state of a graph of what is left: the best questions and items, and how they are linked."""
import numpy as np
import torch

from workbench.envs.conversation import REJECTED, Observation
from workbench.envs.greatest import greatest
from workbench.recommenders.conversation.asking import actions, best_items
from workbench.recommenders.conversation.replay import State
from workbench.recommenders.conversation.weighted_asking import Asking, score_weights

NUMBERS = 3  # of a state: turns so far, candidates, whether a list was rejected just now


class GraphStates:
    """A `q_learning.View` for `nets.conversation.graph_values`: of its actions the first are the attributes, at most
    `questions`, that divide the candidates best, the others the k best items, each of which stands for a list of all k
    with itself first. It does not ask at the last turn, nor what divides nothing.

    asking: what a question is worth. vectors: (I+1, D) of items; a user is the mean of those that they had. questions,
    k: actions of either kind. patience: turns.
    """

    def __init__(self, asking: Asking, vectors: np.ndarray, *, questions: int, k: int, patience: int):
        self.asking, self.vectors, self.questions, self.k, self.patience = asking, vectors, questions, k, patience
        self.has = asking.matrix.toarray().astype(bool)  # (I+1, A)

    def start(self, observation: Observation) -> None:
        """As `View.start`. What is no candidate at first is what the user had."""
        B, items = len(observation.turn), len(self.has)
        had = ~observation.candidates
        had[:, 0] = False
        had = had.astype(np.float32)
        self.user = had @ self.vectors / np.maximum(had.sum(axis=1, keepdims=True), 1)
        self.weights, self.first_attribute = score_weights(observation), items
        self.known, self.accepted = np.zeros_like(observation.known), np.zeros((B, self.patience), np.int64)

    def state(self, observation: Observation) -> State:
        """See `GraphValues`."""
        self._hear(observation)
        gains = np.where((observation.turn < self.patience)[:, None], self.asking.gains(observation), -np.inf)
        which = greatest(gains, min(self.questions, gains.shape[1]))
        asks = np.take_along_axis(gains, which, axis=1) > 0
        self.attributes, self.items = np.where(asks, which, -1), best_items(observation, self.k)
        count = observation.candidates.sum(axis=1)
        numbers = np.column_stack([observation.turn / self.patience, np.log2(1 + count) / 16,
                                   observation.outcome == REJECTED])  # fmt: skip
        attributes = self._nodes(self.attributes)
        links = self._links(np.concatenate([attributes, self.accepted], axis=1), self.items)
        state = {
            "user": self.user, "accepted": self.accepted.copy(), "attributes": attributes,
            "items": self.items.astype(np.int64), "links": links,
            "scores": np.take_along_axis(self.weights, self.items, axis=1), "numbers": numbers.astype(np.float32),
        }  # fmt: skip
        return {name: torch.from_numpy(array) for name, array in state.items()}

    def actions(self, chosen: np.ndarray) -> np.ndarray:
        """As `View.actions`."""
        n = self.attributes.shape[1]
        ask, rows = chosen < n, np.arange(len(chosen))
        attribute = np.where(ask, self.attributes[rows, np.minimum(chosen, n - 1)], 0)
        first = np.where(ask, 0, chosen - n)
        order = np.argsort(np.arange(self.k) != first[:, None], axis=1, kind="stable")
        return actions(ask, attribute, np.take_along_axis(self.items, order, axis=1))

    def _hear(self, observation: Observation) -> None:
        """Keep what was accepted, in the place of its turn."""
        rows, which = np.nonzero((observation.known == 1) & (self.known != 1))
        self.accepted[rows, observation.turn[rows] - 2] = which + self.first_attribute
        self.known = observation.known

    def _nodes(self, attributes: np.ndarray) -> np.ndarray:
        """Node numbers of attributes, columns from 0, -1 for none."""
        return np.where(attributes >= 0, attributes + self.first_attribute, 0)

    def _links(self, attributes: np.ndarray, items: np.ndarray) -> np.ndarray:
        """(B, n, m) bool: whether attributes (B, n), as node numbers, are those of items (B, m)."""
        columns = np.maximum(attributes - self.first_attribute, 0)
        linked = self.has[items[:, None, :], columns[:, :, None]]
        return linked & (attributes > 0)[:, :, None]
