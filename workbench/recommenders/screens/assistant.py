"""The policy that watches a screen: a responder says what a screen is about, a memory what of that to suggest."""
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from workbench.data import Split
from workbench.envs.screens import ScreenWorld, Watched
from workbench.evaluate.episodes.rollout import rollout
from workbench.recommenders.prompts.local_model import local_model
from workbench.recommenders.screens.asked_screens import AskedScreens
from workbench.recommenders.screens.keywords import KeywordTable
from workbench.recommenders.screens.threads import NoMemory, ThreadMemory
from workbench.recommenders.screens.trajectories import Trajectories, trajectories
from workbench.train import Recipe
from workbench.train.fit import TrainingSession

ASSISTANT_RECIPE = Recipe(epochs=1, monitor="f1")


class ScreenAssistant:
    """A `verb_interfaces.Policy`. responder: `KeywordTable` or `AskedScreens`."""

    def __init__(self, data: Trajectories, responder: Any, memory: ThreadMemory | NoMemory):
        self.data, self.responder, self.memory = data, responder, memory
        self._worlds: dict[str, ScreenWorld] = {}

    def world(self, part: str) -> ScreenWorld:
        """Of a part of the trajectories."""
        if part not in self._worlds:
            self._worlds[part] = self.data.world(part)
        return self._worlds[part]

    def fit(self, split: Split, session: TrainingSession) -> list[dict]:
        """The responder learns from the trajectories of train; there are no epochs."""
        self.responder.fit()
        return []

    def start(self, observation: Watched) -> None:
        """Nothing was seen yet."""
        self.speaks_of = self.responder.posterior()
        self.memory.start(observation.episodes, len(self.data.names), self.data.screens.shape[1])

    def act(self, observation: Watched) -> np.ndarray:
        """(B,) the intent to suggest, or 0."""
        return self.memory.update(self.speaks_of[observation.screen])

    def state(self) -> dict[str, np.ndarray]:
        """What the responder learned."""
        return self.responder.state()

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Restore the responder."""
        self.responder.load_state(state)

    def watch(self, episode: int, *, part: str = "test") -> pd.DataFrame:
        """One trajectory of a part, a row a screen: its text, what it is evidence of, what was suggested, and how many
        threads there were in each state."""
        world, names, rows = self.world(part), self.data.names, []
        seen = world.reset(np.array([episode]), seed=0)
        self.start(seen)
        while screen := int(seen.screen[0]):
            action = self.act(seen)
            true = ", ".join(names[1:][self.data.evidence[screen, 1:]])
            threads = self.memory.table(0, names) if isinstance(self.memory, ThreadMemory) else []
            states = ", ".join(f"{n} {state}" for state, n in Counter(each["state"] for each in threads).items())
            rows.append((self.data.texts[screen], true, names[action[0]], states))
            seen = world.step(action)[0]
        return pd.DataFrame(rows, columns=["screen", "evidence of", "suggested", "threads"])

    def by_kind(self, *, part: str = "test") -> pd.DataFrame:
        """Mean measures of the trajectories of a part with no intent (noise), one, and several, and how many there are.
        The share of noise in which something was suggested is the hallucination rate."""
        world = self.world(part)
        table = pd.DataFrame(rollout(self, world, quiet=True))
        table["anything_false"] = table["false_suggestions"] > 0
        grouped = table.groupby(self.data.kinds(part))
        return grouped.mean().assign(trajectories=grouped.size())


def screen_assistant(bench: Any, memory: ThreadMemory | NoMemory, *, model: str = "") -> ScreenAssistant:
    """The assistant of a bench. model: a local language model that is asked about screens, "" for a table of keywords.
    UserError as `trajectories` and `AskedScreens`."""
    data = trajectories(bench)
    return ScreenAssistant(data, AskedScreens(data, local_model(model)) if model else KeywordTable(data), memory)
