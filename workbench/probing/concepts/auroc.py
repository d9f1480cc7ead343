"""How well a latent predicts a label: ranking and classification metrics from its sparse activations. Positions where
it is inactive are tied at the end of the ranking."""
import numpy as np


def average_precision_and_threshold(
    value: np.ndarray, hit: np.ndarray, n: int, positives: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Average precision (Q,), and the threshold with the best F1, for each of Q labels.

    value (r,): the positive activations of a latent; hit (r, Q): which labels hold there; n positions and `positives`
    (Q,) in total. Equal values are tied.
    """
    order = np.argsort(-value, kind="stable")
    value, hits = value[order], np.cumsum(hit[order], axis=0, dtype=np.float64)
    last = np.flatnonzero(np.append(value[1:] != value[:-1], True)) if len(value) else np.zeros(0, np.int64)
    hits, retrieved = hits[last], (last + 1.0)[:, None]
    gained = np.diff(hits, axis=0, prepend=0)
    missed = positives - (hits[-1] if len(hits) else 0)
    ap = ((hits / retrieved * gained).sum(axis=0) + missed * positives / n) / np.maximum(positives, 1)
    f1 = 2 * hits / np.maximum(retrieved + positives, 1)
    threshold = value[last][f1.argmax(axis=0)] if len(hits) else np.full(len(positives), np.inf)
    return ap, threshold


def auroc(value: np.ndarray, hit: np.ndarray, n: int, positives: int) -> float:
    """Area under the ROC curve, from the positive activations of a latent (r,) and which of them are hits (r,), of n
    positions in total with `positives` hits; ties count half. NaN if all or none are hits."""
    if not 0 < positives < n:
        return np.nan
    rank = np.unique(value, return_inverse=True)[1]
    count, hits = np.bincount(rank), np.bincount(rank, weights=hit)
    inactive, inactive_hits = n - len(value), positives - hits.sum()
    below = np.concatenate([[0], np.cumsum(count - hits)[:-1]]) + inactive - inactive_hits
    pairs = (hits * (below + (count - hits) / 2)).sum()
    pairs += inactive_hits * (inactive - inactive_hits) / 2
    return float(pairs / (positives * (n - positives)))


def classification_scores(
    predicted: np.ndarray, actual: np.ndarray, both: np.ndarray, n: int
) -> dict[str, np.ndarray]:
    """precision, recall, f1, baseline_f1 (of always predicting positive, 2 pi / (1 + pi)), lift (precision / pi) and
    mcc (Matthews correlation), from counts of positions: predicted positive, actually positive, both, and n in total.

    >>> counts = map(np.float64, (10, 12, 8))
    >>> {name: float(x.round(3)) for name, x in classification_scores(*counts, 100).items()}
    {'precision': 0.8, 'recall': 0.667, 'f1': 0.727, 'baseline_f1': 0.214, 'lift': 6.667, 'mcc': 0.698}
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall, rate = both / predicted, both / actual, actual / n
        mcc = (both * n - predicted * actual) / np.sqrt(predicted * actual * (n - predicted) * (n - actual))
        return {"precision": precision, "recall": recall, "f1": 2 * both / (predicted + actual),
                "baseline_f1": 2 * rate / (1 + rate), "lift": precision / rate, "mcc": mcc}  # fmt: skip
