"""Candidates ordered by the letters' logits of a local language model that has read similar dialogues."""
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import log_softmax

from workbench.data import Histories
from workbench.llm.causal_lm import CausalLM
from workbench.recommenders.prompts.letters import by_candidate, letter_orders
from workbench.recommenders.prompts.templates import LETTERS, RULE, quoted

MENTIONED = 12  # names of a dialogue that a prompt has, movies first


class ChoiceByExample(NamedTuple):
    """Asks which of at most 26 movies to recommend in a dialogue, after examples: what other dialogues spoke of."""

    examples: tuple[tuple[str, ...], ...]
    mentioned: tuple[str, ...]
    candidates: tuple[str, ...]

    def render(self) -> str:
        """The prompt."""
        others = "\n".join(f"- {_listed(names)}" for names in self.examples) or "- none"
        options = "\n".join(f"{letter}: {quoted(title)}" for letter, title in zip(LETTERS, self.candidates))
        return (f"{RULE}\nDialogues like this one spoke of\n{others}\nThis one spoke of {_listed(self.mentioned)}\n"
                f"Which of these to recommend next?\n{options}\nAnswer with its letter.\nAnswer:")  # fmt: skip


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(map(quoted, names)) or "nothing yet"


class ExampleModel:
    """A `verb_interfaces.Reranker`. names: (E+1,) of the entities. read: (B, E+1) of histories, what they mention.
    similar(histories): (B, n, or fewer) rows of said (C, E+1), the examples. orders: of the letters, averaged over."""

    def __init__(
        self, lm: CausalLM, names: np.ndarray, read: Callable[[Histories], csr_matrix],
        similar: Callable[[Histories], np.ndarray], said: csr_matrix, *, orders: int, seed: int,
    ):  # fmt: skip
        self.lm, self.names, self.read, self.similar, self.said = lm, names, read, similar, said
        self.orders, self.seed = orders, seed

    def rescore(self, histories: Histories, candidates: np.ndarray) -> np.ndarray:
        """(B, N) mean log-probabilities of the letters of candidates (B, N)."""
        orders, letters = letter_orders(candidates, self.orders, self.seed), LETTERS[: candidates.shape[1]]
        found = [self.lm.answer_logits(self.prompts(histories, np.take_along_axis(candidates, order, 1)), letters)
                 for order in orders]  # fmt: skip
        return by_candidate(log_softmax(np.stack(found), axis=-1), orders).mean(axis=0)

    def prompts(self, histories: Histories, offered: np.ndarray) -> list[str]:
        """The prompts of candidates (B, N) in the order of their letters."""
        own, similar = self.read(histories), self.similar(histories)
        return [ChoiceByExample(tuple(self._names(self.said, row) for row in similar[at]), self._names(own, at),
                                tuple(self.names[items])).render() for at, items in enumerate(offered)]  # fmt: skip

    def _names(self, rows: csr_matrix, row: int) -> tuple[str, ...]:
        return tuple(self.names[rows.indices[rows.indptr[row] : rows.indptr[row + 1]]][:MENTIONED])
