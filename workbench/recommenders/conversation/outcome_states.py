"""Two actions, to ask the best question or to recommend, in a state of outcomes so far and candidates left."""
import numpy as np
import torch

from workbench.envs.conversation import REJECTED, Observation
from workbench.recommenders.conversation.asking import actions, best_items
from workbench.recommenders.conversation.replay import State
from workbench.recommenders.conversation.weighted_asking import Asking

RECOMMEND, ASK = range(2)  # numbers of actions
CODES = REJECTED + 1  # outcomes after which a conversation goes on, 0 for turns to come


class OutcomeStates:
    """A `q_learning.View` for `nets.conversation.outcome_values`. It does not ask at the last turn, nor where no
    question divides the candidates. asking: which question is the best one. k: items of a list. patience: turns."""

    def __init__(self, asking: Asking, *, k: int, patience: int):
        self.asking, self.k, self.patience = asking, k, patience

    def start(self, observation: Observation) -> None:
        """As `View.start`."""
        self.outcomes = np.zeros((len(observation.turn), self.patience), np.int64)

    def state(self, observation: Observation) -> State:
        """outcomes (B, T), count (B,), may_ask (B,)."""
        rows = np.flatnonzero((observation.turn > 1) & (observation.outcome <= REJECTED))
        self.outcomes[rows, observation.turn[rows] - 2] = observation.outcome[rows]
        gains = self.asking.gains(observation)
        self.attribute, self.items = gains.argmax(axis=1), best_items(observation, self.k)
        may_ask = (gains.max(axis=1) > 0) & (observation.turn < self.patience)
        count = observation.candidates.sum(axis=1)
        state = {"outcomes": self.outcomes.copy(), "count": count, "may_ask": may_ask}
        return {name: torch.from_numpy(array) for name, array in state.items()}

    def actions(self, chosen: np.ndarray) -> np.ndarray:
        """As `View.actions`."""
        return actions(chosen == ASK, self.attribute, self.items)
