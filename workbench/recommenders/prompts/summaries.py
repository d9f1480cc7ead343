"""A preference in words, which a local language model renews chunk by chunk, and its answer yes or no to an item."""
import numpy as np

from workbench.data import Histories
from workbench.llm.causal_lm import CausalLM
from workbench.recommenders.prompts.templates import YES_NO, PreferenceUpdate, WouldChoose
from workbench.recommenders.prompts.yes_no import yes_no_odds

EVENTS, WORDS = 12, 24  # events of a history that are read; tokens of a summary


class SummaryJudge:
    """A `verb_interfaces.Reranker`: summaries s_j = f(s_{j-1}, chunk_j) and log-odds of yes to each candidate.

    lm: whose answers are stored: a summary of the first chunks is not made again while a history has at most EVENTS
    events; beyond, every event moves the chunks. titles: (I+1,). pooling: chunks, or mean: all titles at once.
    """

    def __init__(self, lm: CausalLM, titles: np.ndarray, *, chunk: int, pooling: str):
        self.lm, self.titles, self.chunk = lm, titles, chunk if pooling == "chunks" else EVENTS

    def summaries(self, histories: Histories) -> list[str]:
        """What each of B users likes, of their last EVENTS events."""
        said = ["nothing is known"] * len(histories)
        rows = [self.titles[histories.row(row)[-EVENTS:]].tolist() for row in range(len(histories))]
        for start in range(0, EVENTS, self.chunk):
            open_rows = [row for row, titles in enumerate(rows) if len(titles) > start]
            prompts = [PreferenceUpdate(said[row], tuple(rows[row][start : start + self.chunk])).render()
                       for row in open_rows]  # fmt: skip
            for row, text in zip(open_rows, self.lm.generate(prompts, max_tokens=WORDS)):
                said[row] = text.strip().split("\n")[0]
        return said

    def rescore(self, histories: Histories, candidates: np.ndarray) -> np.ndarray:
        """(B, N) log-odds of yes of the candidates (B, N)."""
        asked = [(preference, title) for preference, row in zip(self.summaries(histories), candidates)
                 for title in self.titles[row]]  # fmt: skip
        return yes_no_odds(self.lm, lambda answers: [WouldChoose(*each, answers).render() for each in asked],
                           YES_NO).reshape(candidates.shape)  # fmt: skip
