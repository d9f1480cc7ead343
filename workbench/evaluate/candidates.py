"""What a first stage allows: the share of targets that it retrieves, and the metrics within it."""
from typing import Any

import numpy as np

from workbench.data import Split
from workbench.evaluate.evaluation import Evaluation
from workbench.progress import track

METRICS = ("recall@10", "ndcg@10")


def was_retrieved(recommender: Any, split: Split, *, batch: int = 512) -> np.ndarray:
    """(N,) bool: whether each target of the test cases is among the candidates of the first stage. recommender: an
    `interfaces.Retrieves` with at least one candidate."""
    cases, retrieved = split.test, np.zeros(len(split.test.targets), bool)
    rows = cases.rows()
    for index in track(list(cases.histories.batches(batch)), "candidates", unit="batches"):
        histories = cases.histories.take(index)
        items = recommender.candidates(histories, histories if split.protocol.mask_history else None)
        at = np.flatnonzero(np.isin(rows, index))
        place = np.empty(len(cases.histories), np.int64)
        place[index] = np.arange(len(index))
        retrieved[at] = (items[place[rows[at]]] == cases.targets[at, None]).any(axis=1)
    return retrieved


def metrics_within(recommender: Any, evaluation: Evaluation, split: Split) -> dict[str, float]:
    """`ceiling@n`, the share of targets among the n candidates, which no order of them can exceed in recall, and the
    metrics "ndcg@10 within retrieved" over the targets among them alone."""
    retrieved = was_retrieved(recommender, split)
    within = evaluation.among(retrieved)
    metrics = {f"ceiling@{recommender.retrieved}": float(retrieved.mean())}
    if retrieved.any():
        metrics |= {f"{name} within retrieved": float(within.per_case(name).mean()) for name in METRICS}
    return metrics
