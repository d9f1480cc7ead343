"""What a language model added: re-rankers with their small stand-ins and with a real local model, beside the
retriever's own order, and what they cost."""
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from workbench import systems
from workbench.data import Cases
from workbench.errors import UserError
from workbench.evaluate.evaluation import first_places
from workbench.evaluate.intervals import estimate_difference, estimate_mean
from workbench.evaluate.metrics import per_case

FIRST, METRIC = "item_transitions", "ndcg@10"


def added_by_language_model(
    bench: Any, model: str, names: Sequence[str] = (), *, cases: int = 40, n: int = 10, **changes: Any
) -> pd.DataFrame:
    """One row per system and reader (the retriever's order, the small stand-in, the model): ndcg@10 with its 95 %
    interval, the difference to the retriever's order with its own (nan for that order itself), and seconds a user.

    model: a local language model, as `llm.load` takes it. names: systems, by default all with a setting `model`. cases:
    the first test cases whose target is among the n candidates: others no order of them can reach, so the figures are
    not those of full ranking. changes: settings and recipe fields of the stand-ins. UserError for a system that reads
    no language model, and where too few targets are retrieved.
    """
    reading = [name for name in systems.names("rerank") if "model" in systems.keywords(name)]
    names = list(names) or reading
    if strange := [name for name in names if name not in reading]:
        raise UserError(f"{', '.join(strange)} read no language model; those that can are {', '.join(reading)}")
    part = retrieved(bench, cases, n)
    scores: dict[tuple[str, str], np.ndarray] = {}
    seconds: dict[tuple[str, str], float] = {}
    for name in names:
        readers = {
            "retriever": lambda name=name: bench.fit(name, n=0).recommender(),
            "small stand-in": lambda name=name: bench.fit(name, n=n, **changes).recommender(),
            model: lambda name=name: bench.build(name, n=n, model=model),
        }
        for reader, make in readers.items():
            recommender, since = make(), time.process_time()
            scores[name, reader] = _scores(bench, recommender, part, n)
            seconds[name, reader] = (time.process_time() - since) / len(part.targets)
    rows = []
    for (name, reader), values in scores.items():
        estimate = estimate_mean(values[None])
        difference = estimate_difference(values[None], scores[name, "retriever"][None])
        low, high = estimate.interval()
        below, above = difference.interval() if reader != "retriever" else (np.nan, np.nan)
        rows.append({"system": name, "reader": reader, "mean": estimate.mean, "low": low, "high": high,
                     "added": difference.mean, "added from": below, "added to": above, "cases": len(values),
                     "seconds a user": seconds[name, reader]})  # fmt: skip
    return pd.DataFrame(rows)


def retrieved(bench: Any, cases: int, n: int) -> Cases:
    """The first test cases whose target is among the n items that the first stage retrieves. UserError for less than
    two."""
    test = bench.split.test
    masked = test.histories if bench.protocol.mask_history else None
    items = bench.fit(FIRST).recommender().recommend(test.histories, n, masked).items
    found = np.flatnonzero((items == test.targets[:, None]).any(axis=1))[:cases]
    if len(found) < 2:
        raise UserError(f"{len(found)} of {len(test.targets):,} targets are among {n} candidates; give more of them")
    return test.take(found)


def _scores(bench: Any, recommender: Any, part: Cases, n: int) -> np.ndarray:
    masked = part.histories if bench.protocol.mask_history else None
    items = recommender.recommend(part.histories, n, masked).items
    return per_case(METRIC, first_places(items, np.arange(len(items)), part.targets), None)
