"""What a re-ranker whose scores are logits says of each candidate of test cases, and whether it was the right one."""
import numpy as np

from workbench.data import Cases
from workbench.recommenders.rerank.trained import TrainedReranker


def judgements(
    reranker: TrainedReranker, cases: Cases, *, masked: bool, batch: int = 512
) -> tuple[np.ndarray, np.ndarray]:
    """(M, n) probabilities, the logistic function of the scores, and (M, n) 0 or 1, of the M cases whose target is
    retrieved, as in training. masked: without the items of the histories, as in the protocol. A case of several targets
    counts once for each."""
    cases, found = cases.one_each(), []
    for start in range(0, len(cases.targets), batch):
        part = cases.take(np.arange(start, min(start + batch, len(cases.targets))))
        items = reranker.candidates(part.histories, part.histories if masked else None)
        right = items == part.targets[:, None]
        kept = np.flatnonzero(right.any(axis=1))
        scores = reranker.rescore(part.histories.take(kept), items[kept]).astype(np.float64)
        found.append((1 / (1 + np.exp(-scores)), right[kept].astype(np.int64)))
    return tuple(map(np.concatenate, zip(*found)))
