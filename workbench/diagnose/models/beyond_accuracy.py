"""Beyond-accuracy metrics per list: popularity, novelty, diversity, and calibration to the user's history.

Lists and histories are both Histories of C rows, so that recommendations can be compared with consumption. A metric is
NaN for rows where it is undefined (no item, vector or category).
"""
import numpy as np
from scipy.sparse import csr_matrix

from workbench.data import Histories, Split
from workbench.data.leakage_measures import gini
from workbench.diagnose.models.codes import entropy
from workbench.evaluate import top_k

TAIL = 0.8  # share of the catalogue that counts as long tail
ALPHA = 0.01  # weight of the profile in the smoothed list distribution, which keeps KL finite


def as_histories(items: np.ndarray) -> Histories:
    """Lists (C, k) as Histories of C rows."""
    C, k = items.shape
    return Histories(np.arange(C + 1) * k, items.ravel().astype(np.int32), np.arange(C, dtype=np.int32))


def items_by_popularity(counts: np.ndarray) -> np.ndarray:
    """(I,) item ids by rising train count (I+1,), ties by falling id."""
    return len(counts) - 1 - np.argsort(counts[:0:-1], kind="stable")


def tail_items(counts: np.ndarray) -> np.ndarray:
    """(I+1,) bool: long tail, the 80 % of the items with the lowest train counts."""
    out = np.zeros(len(counts), bool)
    out[items_by_popularity(counts)[: round(TAIL * (len(counts) - 1))]] = True
    return out


def popularity_percentile(counts: np.ndarray) -> np.ndarray:
    """(I+1,) popularity percentile: the share of the catalogue with a lower train count, ties counted half."""
    ordered = np.sort(counts[1:])
    below, upto = (np.searchsorted(ordered, counts, side) for side in ("left", "right"))
    return (below + upto) / (2 * len(ordered))


def list_means(rows: Histories, values: np.ndarray) -> np.ndarray:
    """(C,) mean of values (I+1,) over the items of each row."""
    total = np.bincount(rows.rows(), weights=values[rows.items].astype(np.float64), minlength=len(rows))
    return _over(total, rows.lengths)


def self_information(share: np.ndarray) -> np.ndarray:
    """Self-information in bits, -log2 of probabilities, which `novelty` averages.

    >>> float(self_information(np.array([0.5, 0.125])).mean())
    2.0
    """
    return -np.log2(share)


def novelty(rows: Histories, counts: np.ndarray) -> np.ndarray:
    """(C,) novelty: mean -log2 p(i) in bits, p the share of train events; an item without events counts as having
    one."""
    return list_means(rows, self_information(np.maximum(counts, 1) / max(1, counts.sum())))


def intra_list_diversity(rows: Histories, vectors: np.ndarray) -> np.ndarray:
    """(C,) intra-list diversity (ILD): mean 1 - cosine over the pairs of a row (Ziegler et al., 2005). vectors: (I+1,
    D); items with a zero vector are excluded."""
    length = np.linalg.norm(vectors, axis=1)
    unit = vectors / np.where(length > 0, length, 1)[:, None]
    table = _incidence(rows, len(vectors))
    n, squared = table @ (length > 0).astype(np.float64), np.square(table @ unit.astype(np.float64)).sum(1)
    return 1 - _over(squared - n, n * (n - 1))


def distinct_labels(rows: Histories, labels: np.ndarray) -> np.ndarray:
    """(C,) number of distinct labels among the items of each row; labels (I+1,) are nonnegative integers."""
    width = int(labels.max()) + 1
    pairs = np.unique(rows.rows() * width + labels[rows.items])
    return np.bincount(pairs // width, minlength=len(rows)).astype(np.float64)


def label_shares(rows: Histories, labels: np.ndarray) -> np.ndarray:
    """(C, G) share of each label among the labelled items of a row; labels (I+1,) integers, -1 for none."""
    labelled = np.flatnonzero(labels >= 0)
    table = csr_matrix((np.ones(len(labelled)), (labelled, labels[labelled])), (len(labels), int(labels.max()) + 1))
    counts = (_incidence(rows, len(labels)) @ table).toarray()
    return _over(counts, counts.sum(1, keepdims=True))


def miscalibration(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """(C,) miscalibration KL(p || (1 - a) q + a p) in nats with a = 0.01, of the category shares of lists q (C, G) from
    those of user profiles p (C, G) (Steck, RecSys 2018).

    >>> miscalibration(np.array([[0.5, 0.5]]), np.array([[0.8, 0.2]])).round(4)
    array([0.2176])
    """
    mixed = (1 - ALPHA) * q + ALPHA * p
    ratio = np.log(np.where(p > 0, p, 1) / np.where(p > 0, mixed, 1))
    return (p * ratio).sum(1)


def quantile_distance(a: Histories, b: Histories, values: np.ndarray, *, levels: int = 10) -> np.ndarray:
    """(C,) mean absolute difference between the quantiles of values (I+1,) over the items of two rows, at the levels
    (j + 1/2) / levels (after the popularity quantile calibration of arXiv:2604.01036)."""
    return np.abs(_quantiles(a, values, levels) - _quantiles(b, values, levels)).mean(1)


def _quantiles(rows: Histories, values: np.ndarray, levels: int) -> np.ndarray:
    """(C, levels) quantiles by the inverse empirical distribution function, so that each is the value of some item."""
    value = values[rows.items].astype(np.float64)
    value = np.append(value[np.lexsort((value, rows.rows()))], np.nan)
    at = np.floor((np.arange(levels) + 0.5) / levels * rows.lengths[:, None]).astype(np.int64)
    return value[np.where(rows.lengths[:, None] > 0, rows.offsets[:-1, None] + at, -1)]


def exposure(rows: Histories, n_items: int) -> dict[str, float]:
    """Exposure of the catalogue in all lists: coverage (share of items in any list), gini of exposure over all items,
    and entropy, 2^H / I."""
    shown = np.bincount(rows.items, minlength=n_items + 1)[1:]
    return {"coverage": float((shown > 0).mean()), "gini": gini(shown), "entropy": 2 ** entropy(shown) / n_items}


def random_lists(n: int, k: int, n_items: int, rng: np.random.Generator) -> np.ndarray:
    """(n, k) random lists of distinct items, all subsets equally likely (Floyd's algorithm, one step per column)."""
    out = np.zeros((n, k), np.int64)
    for column, last in enumerate(range(n_items - k + 1, n_items + 1)):
        drawn = rng.integers(1, last + 1, n)
        out[:, column] = np.where((out == drawn[:, None]).any(1), last, drawn)
    return out


def popular_lists(histories: Histories, split: Split, k: int, *, batch: int = 256) -> np.ndarray:
    """(C, k) the most popular items in train, without each history where the protocol masks it."""
    counts = split.train_counts().astype(np.float64)
    if not split.protocol.mask_history:
        return np.tile(top_k(counts[None].copy(), k).items, (len(histories), 1))
    lists = []
    for start in range(0, len(histories), batch):
        rows = histories.take(np.arange(start, min(start + batch, len(histories))))
        lists.append(top_k(np.tile(counts, (len(rows), 1)), k, rows).items)
    return np.concatenate(lists)


def _incidence(rows: Histories, width: int) -> csr_matrix:
    return csr_matrix((np.ones(len(rows.items)), rows.items, rows.offsets), (len(rows), width))


def _over(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """total / count, NaN where count is 0."""
    return np.where(count > 0, total / np.where(count > 0, count, 1), np.nan)
