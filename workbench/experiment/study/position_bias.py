"""Whether a re-ranker chooses places rather than items: its candidates shuffled by named streams, on real data."""
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.special import log_softmax

from workbench.data import Histories
from workbench.errors import UserError
from workbench.recommenders.prompts.letters import by_candidate, letter_orders, position_bias
from workbench.recommenders.prompts.summaries import SummaryJudge
from workbench.recommenders.prompts.templates import LETTERS, YES_NO, WouldChoose

NETWORK = "small network"
Answer = Callable[[Histories, np.ndarray], np.ndarray]


def chosen_positions(
    bench: Any, model: str = "", *, users: int = 100, n: int = 10, shuffles: int = 4, **changes: Any
) -> pd.DataFrame:
    """One row for ulmrec and mllm_msr by their small networks and, where it is named, a local language model.

    chosen: how often each of the n positions was the first choice, of users times shuffles answers; by chance: 1 / n,
    and spread by chance, its standard deviation. same: the share of users whose first choice is one and the same item
    in all shuffles. bias: the share of the variance of scores that is the positions'
    (`recommenders.prompts.letters.position_bias`). Of mllm_msr with a model there is another row: how often the answer
    is the word, yes or no, that the prompt names first; bias and same are of the two orders of the words.

    users: the first of test. changes: settings and recipe fields of the networks. UserError for fewer than two users or
    shuffles, or more candidates than there are letters.
    """
    if users < 2 or shuffles < 2 or not 2 <= n <= min(len(LETTERS), bench.split.n_items):
        raise UserError(f"{users=} and {shuffles=} are 2 or more, {n=} from 2 to {len(LETTERS)} letters, and at most "
                        "the items")  # fmt: skip
    histories = bench.split.test.histories.take(np.arange(min(users, len(bench.split.test.histories))))
    masked = histories if bench.protocol.mask_history else None
    rows = []
    for system in ("ulmrec", "mllm_msr"):
        readers = {NETWORK: bench.fit(system, n=n, **changes).recommender()}
        if model:
            readers[model] = bench.build(system, n=n, model=model)
        for reader, recommender in readers.items():
            candidates = np.asarray(recommender.candidates(histories, masked), np.int64)
            row = {"system": system, "reader": reader, "positions": "letters" if system == "ulmrec" else "candidates"}
            answer = ANSWERS[system, reader != NETWORK](recommender)
            rows.append(row | _shuffled(answer, histories, candidates, shuffles, bench.seed))
            if system == "mllm_msr" and model and reader == model:
                found = _first_words(recommender.second, histories, candidates)
                rows.append(row | {"positions": "words yes and no"} | found)
    return pd.DataFrame(rows)


def _shuffled(answer: Answer, histories: Histories, candidates: np.ndarray, shuffles: int, seed: int) -> dict[str, Any]:
    """The figures of a row. answer(histories, offered): (B, N) scores of what stands at each position."""
    orders = letter_orders(candidates, shuffles, seed)
    found = np.stack([answer(histories, np.take_along_axis(candidates, order, axis=1)) for order in orders])
    scores = by_candidate(log_softmax(found.astype(np.float64), axis=-1), orders)
    return _figures(found.argmax(-1), found.shape[-1], scores.argmax(-1)) | {"bias": position_bias(scores)}


def _first_words(judge: SummaryJudge, histories: Histories, candidates: np.ndarray) -> dict[str, Any]:
    """The same of the words yes and no, after every preference and candidate, in both orders."""
    asked = [(said, title) for said, row in zip(judge.summaries(histories), candidates) for title in judge.titles[row]]
    found = np.stack([judge.lm.answer_logits([WouldChoose(*each, words).render() for each in asked], words)
                      for words in (YES_NO, YES_NO[::-1])])  # fmt: skip
    words = np.stack([found[0], found[1][:, ::-1]])  # (2, P, 2) of yes and no
    return _figures(found.argmax(-1), 2, words.argmax(-1)) | {"bias": position_bias(log_softmax(words, axis=-1))}


def _figures(positions: np.ndarray, n: int, first: np.ndarray) -> dict[str, Any]:
    """positions, first: (S, B) the position and the candidate of the first choice."""
    shares = np.bincount(positions.ravel(), minlength=n) / positions.size
    return {"chosen": shares.tolist(), "most": shares.max(), "by chance": 1 / n,
            "spread by chance": np.sqrt((1 - 1 / n) / n / positions.size), "same": (first == first[0]).all(0).mean(),
            "answers": positions.size}  # fmt: skip


def _letters_of_network(recommender: Any) -> Answer:
    @torch.no_grad()
    def answer(histories: Histories, offered: np.ndarray) -> np.ndarray:
        items = torch.from_numpy(offered).to(recommender.device)
        return recommender.module.eval().letters(histories, items).cpu().numpy()

    return answer


def _letters_of_model(recommender: Any) -> Answer:
    second = recommender.second
    return lambda histories, offered: second.lm.answer_logits(second.prompts(histories, offered),
                                                              LETTERS[: offered.shape[1]])  # fmt: skip


ANSWERS = {  # by system and whether a language model reads: what stands at each position, scored
    ("ulmrec", False): _letters_of_network, ("ulmrec", True): _letters_of_model,
    ("mllm_msr", False): lambda recommender: recommender.rescore,
    ("mllm_msr", True): lambda recommender: recommender.second.rescore,
}  # fmt: skip
