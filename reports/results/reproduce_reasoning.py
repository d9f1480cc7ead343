"""Answering directly or after reasoning, with a language model: python reports/results/reproduce_reasoning.py

Writes reasoning.json beside itself: the order that a model gives the --n candidates of --cases test users whose target
is among them, read off the logits of their letters: directly, after a text of its own on what the user will want, and
after that on another user (the placebo); and the retriever's order. Answers are stored, so an interrupted call goes on;
its seconds are then those of what was left to do.
"""
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from kept_tables import keep, options
from scipy.special import log_softmax

import workbench as wb
from workbench import llm
from workbench.data import Cases, Histories
from workbench.evaluate.evaluation import first_places
from workbench.evaluate.intervals import estimate_difference, estimate_mean
from workbench.evaluate.metrics import per_case
from workbench.experiment import Bench
from workbench.experiment.study.language_models import FIRST, METRIC, retrieved
from workbench.recommenders.prompts.lettered_model import LetteredModel
from workbench.recommenders.prompts.letters import by_candidate, letter_orders
from workbench.recommenders.prompts.templates import LETTERS, RULE, quoted

EVENTS, SHUFFLES = 5, 1
ASK = (RULE + "\nA customer bought these products, oldest first:\n{}\nIn one or two sentences, reason about what this "
       "customer is likely to buy next.")  # fmt: skip
END = "\nAnswer with its letter.\nAnswer:"


def reasoned(lm: llm.CausalLM, titles: np.ndarray, histories: Histories, tokens: int) -> list[str]:
    """What the model says about each history, in at most so many tokens."""
    past = ["\n".join(f"- {quoted(title)}" for title in titles[histories.row(row)[-EVENTS:]])
            for row in range(len(histories))]  # fmt: skip
    return lm.generate([lm.chat(ASK.format(each)) for each in past], max_tokens=tokens)


def ordered(lm: llm.CausalLM, titles: np.ndarray, cases: Cases, candidates: np.ndarray, said: list[str]) -> np.ndarray:
    """(C, N) candidates in the order of their letters' logits, after what was said about each user, "" for nothing."""
    prompts = LetteredModel(lm, titles, None, shuffles=SHUFFLES, events=EVENTS, seed=0).prompts
    orders, found = letter_orders(candidates, SHUFFLES, 0), []
    for order in orders:
        plain = prompts(cases.histories, np.take_along_axis(candidates, order, 1))
        asked = [prompt.replace(END, f"\nThoughts on this user: {quoted(text)}{END}" if text else END)
                 for prompt, text in zip(plain, said)]  # fmt: skip
        found.append(lm.answer_logits(asked, LETTERS[: candidates.shape[1]]))
    scores = by_candidate(log_softmax(np.stack(found), axis=-1), orders).mean(axis=0)
    return np.take_along_axis(candidates, np.argsort(-scores, axis=1, kind="stable"), 1)


def measured(bench: Bench, model: str, cases: int, n: int, tokens: int) -> pd.DataFrame:
    """A row for each way to answer."""
    part, lm, titles = retrieved(bench, cases, n), llm.load(model), bench.dataset.titles()
    candidates = bench.fit(FIRST).recommender().recommend(part.histories, n, None).items
    seconds, values = {}, {}

    def say() -> list[str]:
        return reasoned(lm, titles, part.histories, tokens)

    def order(said: list[str]) -> np.ndarray:
        return ordered(lm, titles, part, candidates, said)

    ways: dict[str, Callable[[], np.ndarray]] = {
        "retriever": lambda: candidates,
        "direct": lambda: order([""] * len(candidates)),
        "reasoning": lambda: order(say()),
        "reasoning about another user": lambda: order(np.roll(say(), 1).tolist()),  # was said and stored before
    }
    for way, make in ways.items():
        since = time.process_time()
        items = make()
        if way != "reasoning about another user":  # what is said there was said before
            seconds[way] = (time.process_time() - since) / len(items)
        values[way] = per_case(METRIC, first_places(items, np.arange(len(items)), part.targets), None)
    rows = []
    for way, each in values.items():
        difference = estimate_difference(each[None], values["direct"][None])
        low, high = difference.interval() if way != "direct" else (np.nan, np.nan)
        rows.append({"way": way, METRIC: estimate_mean(each[None]).mean, "over direct": difference.mean, "from": low,
                     "to": high, "cases": len(each), "seconds a user": seconds.get(way)})  # fmt: skip
    return pd.DataFrame(rows)


def main() -> None:
    given = options(__doc__, Path(__file__).parent / "reasoning.json", dataset="office", model="smollm2", cases=200,
                    n=10, tokens=48)  # fmt: skip
    bench = wb.open_bench(given.dataset, profile=given.profile)
    keep(given.out, f"{given.dataset}/{given.model}", bench,
         lambda: measured(bench, given.model, given.cases, given.n, given.tokens), candidates=given.n,
         tokens=given.tokens)  # fmt: skip


if __name__ == "__main__":
    main()
