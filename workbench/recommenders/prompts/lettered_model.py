"""Candidates ordered by the letters' logits of a local language model after a lettered prompt."""
import numpy as np
from scipy.special import log_softmax

from workbench.data import Histories
from workbench.llm.causal_lm import CausalLM
from workbench.recommenders.prompts.letters import by_candidate, letter_orders
from workbench.recommenders.prompts.templates import LETTERS, LetteredChoice
from workbench.recommenders.prompts.user_codes import UserCodes


class LetteredModel:
    """A `verb_interfaces.Reranker`. titles: (I+1,). users: None for prompts without one. shuffles: orders of the
    letters over which log-probabilities are averaged. events: of a history that are named."""

    def __init__(
        self, lm: CausalLM, titles: np.ndarray, users: UserCodes | None, *, shuffles: int, events: int, seed: int
    ):  # fmt: skip
        self.lm, self.titles, self.users = lm, titles, users
        self.shuffles, self.events, self.seed = shuffles, events, seed

    def rescore(self, histories: Histories, candidates: np.ndarray) -> np.ndarray:
        """(B, N) mean log-probabilities of the letters of candidates (B, N)."""
        return self.by_shuffle(histories, candidates).mean(axis=0)

    def by_shuffle(self, histories: Histories, candidates: np.ndarray) -> np.ndarray:
        """(S, B, N) of each order of the letters."""
        orders, letters = letter_orders(candidates, self.shuffles, self.seed), LETTERS[: candidates.shape[1]]
        found = [self.lm.answer_logits(self.prompts(histories, np.take_along_axis(candidates, order, 1)), letters)
                 for order in orders]  # fmt: skip
        return by_candidate(log_softmax(np.stack(found), axis=-1), orders)

    def prompts(self, histories: Histories, offered: np.ndarray) -> list[str]:
        """The prompts of candidates (B, N) in the order of their letters."""
        names = [""] * len(histories) if self.users is None else self.users.words(histories.users)
        past = [tuple(self.titles[histories.row(row)[-self.events :]]) for row in range(len(histories))]
        return [LetteredChoice(*each).render() for each in zip(names, past, map(tuple, self.titles[offered]))]
