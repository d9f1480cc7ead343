"""A conversation: a policy asks about attributes or recommends items until the user takes one, or has had enough.

After the multi-round setting of Sun and Zhang, "Conversational recommender system", SIGIR 2018, and Lei et al., EAR,
WSDM 2020. The user has one item in mind and answers yes where it has the attribute, else no; a policy sees answers,
never the item. What an answer rules out leaves the candidates, so the item is always among them.
"""
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from gymnasium import spaces
from scipy.sparse import csc_matrix

from workbench.data import Cases, Histories
from workbench.envs.streams import uniform
from workbench.errors import UserError
from workbench.evaluate.episodes.measures import hdcg, success

START, YES, NO, SILENT, REJECTED, TAKEN = range(6)  # outcomes of an action
REWARDS = np.array([0.0, 0.01, -0.1, 0.0, -0.1, 1.0])  # of an outcome, as in UNICORN (Deng et al., SIGIR 2021)
QUIT = -0.3  # when patience ends, beside what the last action costs


class Observation(NamedTuple):
    """turn: (B,) from 1. candidates: (B, I+1) bool. known: (B, A) int8, 1 yes, -1 no, 0 not known. asked: (B, A) bool.
    outcome: (B,) of the last action. scores: (B, I+1) float32, what the recommender thinks before the conversation.
    episodes: (B,) their numbers."""

    turn: np.ndarray
    candidates: np.ndarray
    known: np.ndarray
    asked: np.ndarray
    outcome: np.ndarray
    scores: np.ndarray
    episodes: np.ndarray


class ConversationWorld:
    """A `verb_interfaces.World`: an episode for each of n users with a target.

    attributes: (I+1, A). histories, targets (n,): who they are and what they want. scores(histories): (B, I+1) of items
    before the conversation. patience: turns. k: items of a recommendation. silence: chance that a question gets no
    answer; a user who is silent says neither yes nor no. An action (1 + k,) is an attribute 1..A to ask about, or 0 and
    k items to recommend. UserError where a target has no attribute, so that nothing asked could lead to it, or is in
    the history, whose items are no candidates.
    """

    measures = ("success@15", "success@10", "success@5", "hdcg", "turns")

    def __init__(
        self, attributes: csc_matrix, histories: Histories, targets: np.ndarray, scores: Callable, *,
        patience: int = 15, k: int = 10, silence: float = 0.0,
    ):  # fmt: skip
        if patience < 1 or k < 1 or not 0 <= silence <= 1:
            raise UserError(f"{patience=} and {k=} are 1 or more, {silence=} a chance from 0 to 1")
        if not len(targets):
            raise UserError("a conversation needs a user with a target; there is none in this part of the split")
        self.attributes, self.has = attributes, attributes.toarray().astype(bool).T  # (A, I+1), a row an answer
        bare = ~self.has[:, targets].any(axis=0)
        if bare.any():
            raise UserError(f"{int(bare.sum()):,} of {len(targets):,} targets have no attribute, such as item "
                            f"{int(targets[bare][0])}; leave these cases out")  # fmt: skip
        if Cases(histories, targets, None).in_history().any():
            raise UserError("a target is in the history of its user, whose items are not recommended; leave it out")
        self.histories, self.targets, self.scores = histories, np.asarray(targets, np.int64), scores
        self.n, self.horizon, self.k, self.silence = len(targets), patience, k, silence
        items, n_attributes = self.has.shape[1], len(self.has)
        self.action_space = spaces.MultiDiscrete([n_attributes + 1] + [items] * k)
        self.observation_space = spaces.Dict({
            "turn": spaces.Discrete(patience + 2), "candidates": spaces.MultiBinary(items),
            "known": spaces.Box(-1, 1, (n_attributes,), np.int8), "asked": spaces.MultiBinary(n_attributes),
            "outcome": spaces.Discrete(len(REWARDS)), "scores": spaces.Box(-np.inf, np.inf, (items,), np.float32),
            "episodes": spaces.Discrete(self.n),
        })  # fmt: skip

    def reset(self, episodes: np.ndarray, *, seed: int) -> Observation:
        """The first observation: all items are candidates, but those that the user had."""
        B, (A, items) = len(episodes), self.has.shape
        self.step_number = 0
        self.seed, self.episodes, self.target = seed, np.asarray(episodes), self.targets[episodes]
        histories = self.histories.take(self.episodes)
        self.candidates = np.ones((B, items), bool)
        self.candidates[:, 0] = False
        self.candidates[histories.rows(), histories.items] = False
        self.known, self.asked = np.zeros((B, A), np.int8), np.zeros((B, A), bool)
        self.turn, self.outcome = np.ones(B, np.int64), np.full(B, START)
        self.success_turn, self.place = np.zeros(B, np.int64), np.zeros(B, np.int64)
        self.before = np.asarray(self.scores(histories), np.float32)
        self.before[:, 0] = 0
        return self._observation()

    def step(self, actions: np.ndarray) -> tuple[Observation, np.ndarray, np.ndarray]:
        """As `verb_interfaces.World.step`."""
        actions, self.step_number = self._checked(actions), self.step_number + 1
        active = ~self._over()
        asks = active & (actions[:, 0] > 0)
        self.outcome[asks] = self._ask(np.flatnonzero(asks), actions[asks, 0] - 1)
        shows = active & (actions[:, 0] == 0)
        self.outcome[shows] = self._recommend(np.flatnonzero(shows), actions[shows, 1:])
        self.turn[active] += 1
        over = self._over()
        gave_up = active & over & (self.success_turn == 0)
        rewards = np.where(active, REWARDS[self.outcome] + QUIT * gave_up, 0.0)
        return self._observation(), rewards, over

    def measure(self) -> dict[str, np.ndarray]:
        """As `verb_interfaces.World.measure`; a conversation without success has as many turns as patience allows."""
        turns = np.where(self.success_turn > 0, self.success_turn, self.horizon).astype(float)
        found = {f"success@{t}": success(self.success_turn, t) for t in (15, 10, 5)}
        return found | {"hdcg": hdcg(self.success_turn, self.place), "turns": turns}

    def _ask(self, rows: np.ndarray, attribute: np.ndarray) -> np.ndarray:
        """(b,) outcomes; what the answer rules out leaves the candidates."""
        has = self.has[attribute]
        yes = has[np.arange(len(rows)), self.target[rows]]
        silent = uniform(self.seed, "silence", self.step_number, self.episodes[rows])[:, 0] < self.silence
        self.asked[rows, attribute] = True
        heard = ~silent
        self.known[rows[heard], attribute[heard]] = np.where(yes[heard], 1, -1)
        self.candidates[rows[heard]] &= has[heard] == yes[heard, None]
        return np.where(silent, SILENT, np.where(yes, YES, NO))

    def _recommend(self, rows: np.ndarray, items: np.ndarray) -> np.ndarray:
        """(b,) outcomes; what is rejected leaves the candidates."""
        hit = items == self.target[rows, None]
        taken = hit.any(axis=1)
        self.success_turn[rows[taken]], self.place[rows[taken]] = self.turn[rows[taken]], 1 + hit[taken].argmax(axis=1)
        lost = rows[~taken]
        self.candidates[lost[:, None], items[~taken]] = False
        return np.where(taken, TAKEN, REJECTED)

    def _over(self) -> np.ndarray:
        return (self.success_turn > 0) | (self.turn > self.horizon)

    def _checked(self, actions: np.ndarray) -> np.ndarray:
        actions, shape = np.asarray(actions), (len(self.episodes), 1 + self.k)
        if actions.shape != shape or actions.dtype.kind not in "iu":
            raise UserError(f"actions are integers {shape}: an attribute or 0, and {self.k} items; given "
                            f"{actions.shape} {actions.dtype}")  # fmt: skip
        if (actions < 0).any() or (actions >= self.action_space.nvec).any():
            raise UserError(f"an action is outside the set: attributes are 0 to {len(self.has)}, items 0 to "
                            f"{self.has.shape[1] - 1:,}; given {actions.min()} to {actions.max():,}")  # fmt: skip
        return actions

    def _observation(self) -> Observation:
        arrays = (self.turn, self.candidates, self.known, self.asked, self.outcome, self.before, self.episodes)
        return Observation(*(array.copy() for array in arrays[:5]), self.before, self.episodes)
