"""One conversation at a time: as the simulated user has it, and as a person plays it."""
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from workbench import systems
from workbench.arguments import public
from workbench.envs.conversation import NO, REJECTED, SILENT, TAKEN, YES, ConversationWorld, Observation
from workbench.envs.critiques import CritiquedWorld
from workbench.errors import UserError, check_names, unknown_name
from workbench.experiment.bench_data import check_teacher
from workbench.experiment.browse.users import typical_users
from workbench.experiment.run import Run
from workbench.recommenders.conversation.asking import entropy

ANSWERS = {"yes": YES, "no": NO, "no answer": SILENT}
OUTCOMES = {YES: "yes", NO: "no", SILENT: "no answer", REJECTED: "none of these", TAKEN: "I take it"}


@public
@dataclass(frozen=True)
class Conversations:
    """The conversations of a run of a policy with test users. UserError for a run of another kind, or on other data."""

    bench: Any
    run: Run

    def __post_init__(self) -> None:
        check_teacher(self.bench, self.run, {})
        talks = self.run.info.get("family") == "conversational" and systems.verb(self.run.system) == "act"
        if not talks:
            names = [name for name in systems.names("conversational") if systems.verb(name) == "act"]
            raise UserError(f"{self.run.label} holds no conversations; runs of {', '.join(names)} do")

    @cached_property
    def policy(self) -> Any:
        """The policy as it was evaluated."""
        return self.run.recommender()

    @cached_property
    def world(self) -> ConversationWorld | CritiquedWorld:
        """Whose episodes are those of the test cases."""
        return self.policy.world("test")

    @property
    def inner(self) -> ConversationWorld:
        """The world, without what it adds of critiques."""
        return self.world.inner if self.hears else self.world

    @property
    def hears(self) -> bool:
        """Whether the policy is told what was wrong with a list."""
        return isinstance(self.world, CritiquedWorld)

    @cached_property
    def attributes(self) -> pd.DataFrame:
        """One row per attribute: how many items have it, and the bits of its answer before anything is known."""
        counts = np.asarray(self.policy.worlds.attributes.matrix.sum(axis=0)).ravel().astype(int)
        names = pd.Index(self.policy.worlds.attributes.names, name="attribute")
        bits = entropy(counts / self.bench.dataset.n_items)
        return pd.DataFrame({"items": counts, "bits": bits}, index=names).sort_values("bits", ascending=False)

    def users(self, n: int = 30) -> list[int]:
        """n typical test users who have a conversation."""
        return [int(user) for user in typical_users(self.bench, 10 * n) if user in self.inner.histories.users][:n]

    def simulated(self, user: int) -> pd.DataFrame:
        """The conversation with the simulated user, one row a turn: what was asked or shown, what was said to it, and
        how many candidates are left. attrs["target"]: the title that the user had in mind."""
        observation = self.world.reset(np.array([self.episode(user)]), seed=0)
        policy = self._begun(observation)
        rows, over = [], False
        while not over:
            action = np.asarray(policy.act(observation))
            observation, _, ended = self.world.step(action)
            left = int(observation.candidates[0].sum())
            wrong = np.flatnonzero(observation.critique[0]) if self.hears else ()
            rows.append((self.words(action), self._answer(int(observation.outcome[0]), wrong), left))
            over = bool(ended[0])
        frame = _frame(rows)
        frame.attrs["target"] = str(self.bench.dataset.titles(self.inner.target)[0])
        return frame

    def game(self, user: int) -> "Game":
        """The same conversation with a person in the place of the simulated user, who has this user's history."""
        observation = self.world.reset(np.array([self.episode(user)]), seed=0)
        policy = self._begun(observation)
        return Game(self, policy, observation, np.asarray(policy.act(observation)))

    def _begun(self, observation: Observation) -> Any:
        """The policy at the start of a conversation, which no other one disturbs: what it remembers of it is its own,
        what it has learned is shared."""
        policy = copy(self.policy)
        policy.start(observation)
        return policy

    @property
    def names(self) -> list[str]:
        """(A,) of the attributes."""
        return self.policy.worlds.attributes.names

    def _answer(self, outcome: int, wrong: Sequence[int]) -> str:
        """An outcome in words, with the attributes (c,) that were named as wrong."""
        said = ", ".join(self.names[attribute] for attribute in wrong)
        return OUTCOMES[outcome] + (f": not {said}" if said else "")

    def words(self, action: np.ndarray) -> str:
        """An action (1, 1 + k) in words."""
        if action[0, 0]:
            return f"Is it {self.names[action[0, 0] - 1]}?"
        items = action[0, 1:][action[0, 1:] > 0]
        return "How about: " + "; ".join(map(str, self.bench.dataset.titles(items)))

    def episode(self, user: int) -> int:
        """The number of a user's episode. UserError for a user who has none."""
        found = np.flatnonzero(self.inner.histories.users == user)
        if not len(found):
            raise UserError(f"user {user} has no conversation; .users() lists some that have")
        return int(found[0])


@dataclass
class Game:
    """A conversation that a person answers. action: what the policy does now. rows: what was said so far."""

    conversations: Conversations
    policy: Any
    observation: Observation
    action: np.ndarray
    rows: list[tuple[str, str, int]] = field(default_factory=list)
    over: bool = False

    @property
    def said(self) -> str:
        """The question or list that waits for an answer, or how the conversation ended."""
        if not self.over:
            return self.conversations.words(self.action)
        if self.rows[-1][1] == OUTCOMES[TAKEN]:
            return "you took it"
        return "patience has ended" if self.observation.candidates.any() else "no item fits all that you said"

    @property
    def asks(self) -> bool:
        """Whether a question waits, not a list."""
        return not self.over and bool(self.action[0, 0])

    @property
    def transcript(self) -> pd.DataFrame:
        """As `Conversations.simulated`."""
        return _frame(self.rows)

    @property
    def faults(self) -> list[str]:
        """The attributes of the list that waits, those that most of its items have first, of which some may be named
        as wrong; [] for a question, and for a policy that does not hear critiques."""
        if self.over or self.asks or not self.conversations.hears:
            return []
        items = self.action[0, 1:]
        counts = self.conversations.inner.has[:, items[items > 0]].sum(axis=1)
        order = np.argsort(-counts, kind="stable")
        return [self.conversations.names[attribute] for attribute in order[: (counts > 0).sum()]]

    def answer(self, word: str, wrong: Sequence[str] = ()) -> None:
        """Answer yes, no or "no answer" to a question; yes (one of these) or no to a list. wrong: with no to a list,
        which of its `faults` it should not have, as many as the simulated user names at most. UserError for another
        word or fault, too many, or after the end."""
        if self.over:
            raise UserError("the conversation is over; begin another one")
        allowed = ANSWERS if self.asks else {"yes": TAKEN, "no": REJECTED}
        if word not in allowed:
            raise unknown_name("answer", word, allowed)
        outcome, seen, faults = allowed[word], self.observation, self._faults(word, wrong)
        candidates, known, asked = seen.candidates.copy(), seen.known.copy(), seen.asked.copy()
        if self.asks:
            attribute = int(self.action[0, 0]) - 1
            asked[0, attribute] = True
            if outcome != SILENT:
                known[0, attribute] = 1 if outcome == YES else -1
                candidates[0] &= self.conversations.inner.has[attribute] == (outcome == YES)
        elif outcome == REJECTED:
            candidates[0, self.action[0, 1:]] = False
        answered = self.conversations._answer(outcome, np.flatnonzero(faults[0]))
        self.rows.append((self.said, answered, int(candidates.sum())))
        self.over = outcome == TAKEN or int(seen.turn[0]) >= self.conversations.world.horizon or not candidates.any()
        self.observation = seen._replace(turn=seen.turn + 1, candidates=candidates, known=known, asked=asked,
                                         outcome=np.full_like(seen.outcome, outcome))  # fmt: skip
        if self.conversations.hears:
            self.observation = self.observation._replace(critique=faults)
        if not self.over:
            self.action = np.asarray(self.policy.act(self.observation))

    def _faults(self, word: str, wrong: Sequence[str]) -> np.ndarray:
        """(1, A) bool of the names of faults. UserError as `answer`."""
        names, chosen = self.conversations.names, [wrong] if isinstance(wrong, str) else list(wrong)
        if chosen:
            check_names("fault of this list", chosen, self.faults if word == "no" else [])
            most = self.conversations.world.aspects
            if len(set(chosen)) > most:
                raise UserError(f"{len(set(chosen))} faults; at most {most} are named at a time")
        return np.isin(np.array(names), chosen)[None]


def _frame(rows: list[tuple[str, str, int]]) -> pd.DataFrame:
    index = pd.RangeIndex(1, len(rows) + 1, name="turn")
    return pd.DataFrame(rows, columns=["the policy", "the user", "candidates left"], index=index)
