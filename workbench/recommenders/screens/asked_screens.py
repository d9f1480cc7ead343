"""Which intent a screen speaks of, by the letters' logits of a local language model; nothing is learned."""
from typing import NamedTuple

import numpy as np
from scipy.special import softmax

from workbench.errors import UserError
from workbench.llm.causal_lm import CausalLM
from workbench.recommenders.prompts.templates import LETTERS, RULE, quoted
from workbench.recommenders.screens.trajectories import Trajectories

NOTHING = "nothing of these, or an advertisement"


class WhichIntent(NamedTuple):
    """Asks for the letter of what a screen is about."""

    screen: str
    intents: tuple[str, ...]

    def render(self) -> str:
        """The prompt."""
        options = "\n".join(f"{letter}: {quoted(name)}" for letter, name in zip(LETTERS, (NOTHING, *self.intents)))
        return (f"{RULE}\nA screen shows: {quoted(self.screen)}\nWhat is its user about to do?\n{options}\n"
                "Answer with its letter.\nAnswer:")  # fmt: skip


class AskedScreens:
    """In the place of `KeywordTable`: each screen by itself is put to a model, once. UserError for more intents than
    there are letters."""

    def __init__(self, data: Trajectories, model: CausalLM):
        if len(data.names) > len(LETTERS):
            raise UserError(f"a language model is asked by letters, of at most {len(LETTERS) - 1} intents; these data "
                            f"have {len(data.names) - 1}")  # fmt: skip
        self.data, self.model = data, model

    def fit(self) -> None:
        """Nothing is learned."""

    def posterior(self) -> np.ndarray:
        """(R+1, A+1) of every screen of validation and test; others, and row 0, are nothing for sure."""
        found = np.tile(np.eye(len(self.data.names))[0], (len(self.data.texts), 1))
        rows = np.concatenate([self.data.rows("valid"), self.data.rows("test")])
        texts, place = np.unique(self.data.texts[rows].astype(str), return_inverse=True)
        logits = self.model.answer_logits([self.prompt(text) for text in texts], LETTERS[: len(self.data.names)])
        found[rows] = softmax(logits, axis=1)[place]
        return found

    def prompt(self, text: str) -> str:
        """What the model is asked about a screen."""
        return WhichIntent(text, tuple(self.data.names[1:])).render()

    def state(self) -> dict[str, np.ndarray]:
        """Nothing was learned; the array says so, as a file of weights holds at least one."""
        return {"nothing": np.zeros(1, np.float32)}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Nothing is restored."""
