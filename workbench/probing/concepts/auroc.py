"""How well a latent foretells a label: curves over its sparse values, in which all silent units rank together."""
import numpy as np


def curve(value: np.ndarray, hit: np.ndarray, n: int, positives: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average precision (Q,), and the threshold with the best F1 for each of Q labels.

    value (r,): what a latent has where it fires; hit (r, Q): which labels hold there; n units and `positives` (Q,) in
    all. Units with one value rank together; the silent ones rank together at the end.
    """
    order = np.argsort(-value, kind="stable")
    value, found = value[order], np.cumsum(hit[order], axis=0, dtype=np.float64)
    last = np.flatnonzero(np.append(value[1:] != value[:-1], True)) if len(value) else np.zeros(0, np.int64)
    found, seen = found[last], (last + 1.0)[:, None]
    gained = np.diff(found, axis=0, prepend=0)
    left = positives - (found[-1] if len(found) else 0)
    ap = ((found / seen * gained).sum(axis=0) + left * positives / n) / np.maximum(positives, 1)
    f1 = 2 * found / np.maximum(seen + positives, 1)
    best = value[last][f1.argmax(axis=0)] if len(found) else np.full(len(positives), np.inf)
    return ap, best


def auroc(value: np.ndarray, hit: np.ndarray, n: int, positives: int) -> float:
    """Area under the curve from what a latent has where it fires (r,), which of those are hits, of n units in all of
    which `positives` are hits; ties count half. NaN where all or none are hits."""
    if not 0 < positives < n:
        return np.nan
    order = np.unique(value, return_inverse=True)[1]
    above, per, hits = 0.0, np.bincount(order), np.bincount(order, weights=hit)
    below = np.concatenate([[0], np.cumsum(per - hits)[:-1]]) + (n - len(value)) - (positives - hits.sum())
    above = (hits * (below + (per - hits) / 2)).sum()
    silent, silent_hits = n - len(value), positives - hits.sum()
    above += silent_hits * (silent - silent_hits) / 2
    return float(above / (positives * (n - positives)))


def scores(predicted: np.ndarray, actual: np.ndarray, both: np.ndarray, n: int) -> dict[str, np.ndarray]:
    """precision, recall, f1, floor (the F1 of always saying yes, 2 pi / (1 + pi)), lift (precision over pi) and mcc
    from counts of units: said yes, is so, both, and all n.

    >>> {name: float(x.round(3)) for name, x in scores(*map(np.float64, (10, 12, 8)), 100).items()}
    {'precision': 0.8, 'recall': 0.667, 'f1': 0.727, 'floor': 0.214, 'lift': 6.667, 'mcc': 0.698}
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall, rate = both / predicted, both / actual, actual / n
        mcc = (both * n - predicted * actual) / np.sqrt(predicted * actual * (n - predicted) * (n - actual))
        return {"precision": precision, "recall": recall, "f1": 2 * both / (predicted + actual),
                "floor": 2 * rate / (1 + rate), "lift": precision / rate, "mcc": mcc}  # fmt: skip
