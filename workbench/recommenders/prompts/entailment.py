"""Whether an item's text offers what is wanted, judged by a local language model: a step at a board."""
from collections.abc import Callable

import numpy as np

from workbench.llm.causal_lm import CausalLM
from workbench.recommenders.prompts.board import Board, Terms
from workbench.recommenders.prompts.templates import Entails
from workbench.recommenders.prompts.yes_no import yes_no_odds


def entailed(lm: CausalLM, said: Terms, texts: np.ndarray) -> Callable[[Board], None]:
    """Writes the support of each candidate, from -1 to 1: tanh of half the log-odds of yes, 2 p - 1, less what the
    model answers about an empty text. texts: (I,) of items 1 .. I."""

    def step(board: Board) -> None:
        rows = board.wanted.tocsr()
        wanted = [tuple(said.names[rows.indices[start:end]]) for start, end in zip(rows.indptr[:-1], rows.indptr[1:])]
        asked = [(terms, texts[item - 1]) for terms, row in zip(wanted, board.candidates) for item in row]
        empty = yes_no_odds(lm, lambda answers: [Entails(terms, "", answers).render() for terms in wanted])
        odds = yes_no_odds(lm, lambda answers: [Entails(*each, answers).render() for each in asked])
        board.write("support", np.tanh((odds.reshape(board.candidates.shape) - empty[:, None]) / 2))

    return step
