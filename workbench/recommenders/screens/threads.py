"""A memory of threads: what a user seems to be about, several things at a time, and what of it was suggested.

After PIRF (Chai et al., 2026, arXiv:2603.08013). A thread has an id, an intent (its description), the steps that are
evidence of it, and a state; many memories, one an episode, are kept side by side.
"""
from typing import Any, NamedTuple

import numpy as np

from workbench.envs.streams import uniform
from workbench.errors import UserError, unknown_name

FREE, FORMING, READY, SUGGESTED, DONE = range(5)
STATES = ("dropped", "forming", "ready", "suggested", "done")  # a dropped thread leaves its place free
ROUTES = ("intent", "random")


class MemoryRules(NamedTuple):
    """threads: places; with 1 all evidence goes into one summary. need: screens of an intent until it is suggested.
    sure: least probability at which a screen counts as evidence. patience: steps without evidence after which
    reflection deletes a thread; 0 for no reflection. route: intent; random, the placebo, evidence goes into any place.
    """

    threads: int = 6
    need: int = 3
    sure: float = 0.5
    patience: int = 8
    route: str = "intent"

    def checked(self) -> "MemoryRules":
        """Itself. UserError for a rule out of range."""
        if self.route not in ROUTES:
            raise unknown_name("route", self.route, ROUTES)
        if self.threads < 1 or self.need < 1 or self.patience < 0 or not 0 <= self.sure <= 1:
            raise UserError(f"threads={self.threads} and need={self.need} are 1 or more, patience={self.patience} 0 or "
                            f"more, sure={self.sure} from 0 to 1")  # fmt: skip
        return self


class ThreadMemory:
    """Of B episodes. At each step: evidence goes into the thread of its intent, or a new one, or, where no place is
    free, into the one that was last added to (merge); a thread whose intent became that of another is merged into it;
    reflection deletes threads that had no evidence of late; of the threads that are ready, the one with most evidence
    is suggested. A thread that was suggested stays as a reminder, as done, until its place is needed.

    evidence: (B, S, A+1) screens of each intent in each place. last: (B, S) the step of the newest. state: (B, S).
    steps: (B, S, T) bool, which steps are evidence. born: (B, S) the step at which a thread began, its id.
    """

    def __init__(self, rules: MemoryRules):
        self.rules = rules.checked()

    def start(self, episodes: np.ndarray, n_intents: int, horizon: int) -> None:
        """Forget everything. n_intents: A + 1."""
        B, S = len(episodes), self.rules.threads
        self.episodes, self.step = np.asarray(episodes), -1
        self.evidence, self.steps = np.zeros((B, S, n_intents)), np.zeros((B, S, horizon), bool)
        self.last, self.born, self.state = np.full((B, S), -1), np.full((B, S), -1), np.zeros((B, S), np.int64)

    def update(self, posterior: np.ndarray) -> np.ndarray:
        """(B,) what is suggested, 0 for nothing, after P(intent | screen) (B, A+1) of one more step."""
        self.step += 1
        intent = posterior.argmax(axis=1)
        rows = np.flatnonzero((intent > 0) & (posterior.max(axis=1) >= self.rules.sure))
        if len(rows):
            place = self._place(rows, intent[rows])
            before = self.intents()[rows, place]
            self._add(rows, place, intent[rows])
            self._merge(rows, place, before)
        self._reflect()
        return self._suggest()

    def intents(self) -> np.ndarray:
        """(B, S) the intent of each thread, that of most of its evidence, the lower of two; 0 of a free place."""
        return np.where(self.state == FREE, 0, self.evidence.argmax(axis=2))

    def table(self, row: int, names: np.ndarray) -> list[dict[str, Any]]:
        """The threads of an episode, oldest first. names: (A+1,) of the intents."""
        places = [place for place in np.argsort(self.born[row]) if self.state[row, place] != FREE]
        intents = self.intents()[row]
        return [{"id": int(self.born[row, place]), "description": str(names[intents[place]]),
                 "evidence": np.flatnonzero(self.steps[row, place]).tolist(), "state": STATES[self.state[row, place]]}
                for place in places]  # fmt: skip

    def _place(self, rows: np.ndarray, intent: np.ndarray) -> np.ndarray:
        """(b,) where evidence of intents (b,) goes."""
        S, state = self.rules.threads, self.state[rows]
        if self.rules.route == "random":
            return (uniform(0, "random thread", self.step, self.episodes[rows])[:, 0] * S).astype(np.int64)
        own = (self.intents()[rows] == intent[:, None]) & (state != FREE)
        own &= (state != DONE) | (S > 1)  # a summary that is done is begun anew
        newest = np.where(state == FREE, -1, self.last[rows]).argmax(axis=1)
        oldest_done = np.where(state == DONE, self.last[rows], np.inf).argmin(axis=1)
        place = np.where((state == DONE).any(axis=1), oldest_done, newest)
        place = np.where((state == FREE).any(axis=1), (state == FREE).argmax(axis=1), place)
        reused = ~own.any(axis=1) & (state[np.arange(len(rows)), place] == DONE)
        self._clear(rows[reused], place[reused])
        return np.where(own.any(axis=1), own.argmax(axis=1), place)

    def _add(self, rows: np.ndarray, place: np.ndarray, intent: np.ndarray) -> None:
        new = self.state[rows, place] == FREE
        self.born[rows[new], place[new]], self.state[rows[new], place[new]] = self.step, FORMING
        self.evidence[rows, place, intent] += 1
        self.steps[rows, place, self.step] = True
        self.last[rows, place] = self.step
        done = self.state[rows, place] == DONE  # more of what was suggested
        self.state[rows[done], place[done]] = SUGGESTED

    def _merge(self, rows: np.ndarray, place: np.ndarray, before: np.ndarray) -> None:
        """Where the intent of a thread became another one, it forms anew; where that is another thread's, both are one,
        in the other's place, unless threads are of no intent but take what comes (route random)."""
        now = self.intents()
        turned = (before > 0) & (now[rows, place] != before)
        self.state[rows[turned], place[turned]] = FORMING
        if self.rules.route == "random":
            return
        same = (now[rows] == now[rows, place][:, None]) & (self.state[rows] != FREE)
        same[np.arange(len(rows)), place] = False
        both = same.any(axis=1)
        row, old, new = rows[both], same[both].argmax(axis=1), place[both]
        self.evidence[row, old] += self.evidence[row, new]
        self.steps[row, old] |= self.steps[row, new]
        self.last[row, old] = self.step
        self._clear(row, new)

    def _reflect(self) -> None:
        if not self.rules.patience:
            return
        stale = (self.state != FREE) & (self.step - self.last >= self.rules.patience)
        self.state[stale & (self.state == SUGGESTED)] = DONE
        self._clear(*np.nonzero(stale & (self.state < SUGGESTED)))

    def _suggest(self) -> np.ndarray:
        most = self.evidence.max(axis=2)
        self.state[(self.state == FORMING) & (most >= self.rules.need)] = READY
        worth = np.where(self.state == READY, most, 0)
        place, rows = worth.argmax(axis=1), np.arange(len(worth))
        chosen = worth[rows, place] > 0
        self.state[rows[chosen], place[chosen]] = SUGGESTED
        return np.where(chosen, self.intents()[rows, place], 0)

    def _clear(self, rows: np.ndarray, place: np.ndarray) -> None:
        self.evidence[rows, place], self.steps[rows, place] = 0, False
        self.state[rows, place], self.last[rows, place], self.born[rows, place] = FREE, -1, -1


class NoMemory:
    """In the place of a `ThreadMemory`: what a screen speaks of is suggested at once. sure: as there."""

    def __init__(self, sure: float):
        self.sure = MemoryRules(sure=sure).checked().sure

    def start(self, episodes: np.ndarray, n_intents: int, horizon: int) -> None:
        """Nothing is remembered."""

    def update(self, posterior: np.ndarray) -> np.ndarray:
        """(B,) as `ThreadMemory.update`."""
        intent = posterior.argmax(axis=1)
        return np.where(posterior.max(axis=1) >= self.sure, intent, 0)
