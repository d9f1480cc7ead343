"""What lists of items are like beyond accuracy, list by list: how popular, how new, how alike, how close to a profile.

Lists and histories come alike, as Histories of C rows, so that what is shown can be held against what was chosen. What
a row says nothing about (no item, no vector, no category) is NaN there.
"""
import numpy as np
from scipy.sparse import csr_matrix

from workbench.data import Histories, Split
from workbench.data.leakage_measures import gini
from workbench.diagnose.models.codes import entropy
from workbench.evaluate import top_k

TAIL = 0.8  # share of the catalogue that is its tail
ALPHA = 0.01  # how much of the profile is mixed into the list, so that no logarithm is infinite


def as_rows(items: np.ndarray) -> Histories:
    """Lists (C, k) as Histories of C rows."""
    C, k = items.shape
    return Histories(np.arange(C + 1) * k, items.ravel().astype(np.int32), np.arange(C, dtype=np.int32))


def by_popularity(counts: np.ndarray) -> np.ndarray:
    """(I,) item ids, least frequent in train first, from counts (I+1,); of equal ones the higher id."""
    return len(counts) - 1 - np.argsort(counts[:0:-1], kind="stable")


def tail(counts: np.ndarray) -> np.ndarray:
    """(I+1,) bool: the 80 % of the items that are least frequent in train."""
    out = np.zeros(len(counts), bool)
    out[by_popularity(counts)[: round(TAIL * (len(counts) - 1))]] = True
    return out


def percentile(counts: np.ndarray) -> np.ndarray:
    """(I+1,) the share of the catalogue that is less frequent in train, counting half of what is as frequent."""
    ordered = np.sort(counts[1:])
    below, upto = (np.searchsorted(ordered, counts, side) for side in ("left", "right"))
    return (below + upto) / (2 * len(ordered))


def row_means(rows: Histories, values: np.ndarray) -> np.ndarray:
    """(C,) mean of values (I+1,) over the items of each row."""
    total = np.bincount(rows.rows(), weights=values[rows.items].astype(np.float64), minlength=len(rows))
    return _over(total, rows.lengths)


def surprise(share: np.ndarray) -> np.ndarray:
    """-log2 of probabilities, in bits: what `novelty` averages.

    >>> float(surprise(np.array([0.5, 0.125])).mean())
    2.0
    """
    return -np.log2(share)


def novelty(rows: Histories, counts: np.ndarray) -> np.ndarray:
    """(C,) mean -log2 p(i) in bits, p the share of train events; an item without any counts as if it had one."""
    return row_means(rows, surprise(np.maximum(counts, 1) / max(1, counts.sum())))


def diversity(rows: Histories, vectors: np.ndarray) -> np.ndarray:
    """(C,) mean 1 - cosine over the pairs of a row (ILD, Ziegler et al. 2005); vectors (I+1, D). Items whose vector is
    zero are left out."""
    length = np.linalg.norm(vectors, axis=1)
    unit = vectors / np.where(length > 0, length, 1)[:, None]
    table = _incidence(rows, len(vectors))
    n, whole = table @ (length > 0).astype(np.float64), np.square(table @ unit.astype(np.float64)).sum(1)
    return 1 - _over(whole - n, n * (n - 1))


def distinct(rows: Histories, labels: np.ndarray) -> np.ndarray:
    """(C,) how many different labels (I+1,), numbers from 0, the items of each row have."""
    width = int(labels.max()) + 1
    pairs = np.unique(rows.rows() * width + labels[rows.items])
    return np.bincount(pairs // width, minlength=len(rows)).astype(np.float64)


def label_shares(rows: Histories, labels: np.ndarray) -> np.ndarray:
    """(C, G) share of each label among the labelled items of a row; labels (I+1,) numbers, -1 for none."""
    known = np.flatnonzero(labels >= 0)
    table = csr_matrix((np.ones(len(known)), (known, labels[known])), (len(labels), int(labels.max()) + 1))
    counts = (_incidence(rows, len(labels)) @ table).toarray()
    return _over(counts, counts.sum(1, keepdims=True))


def miscalibration(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """(C,) KL(p || (1 - a) q + a p) in nats with a = .01: how far the shares q (C, G) of a list are from those of the
    profile, p (C, G) (Steck, RecSys 2018).

    >>> miscalibration(np.array([[0.5, 0.5]]), np.array([[0.8, 0.2]])).round(4)
    array([0.2176])
    """
    mixed = (1 - ALPHA) * q + ALPHA * p
    ratio = np.log(np.where(p > 0, p, 1) / np.where(p > 0, mixed, 1))
    return (p * ratio).sum(1)


def quantile_distance(a: Histories, b: Histories, values: np.ndarray, *, levels: int = 10) -> np.ndarray:
    """(C,) mean absolute difference of the quantiles of values (I+1,) over the items of two rows, at the levels
    (j + 1/2) / 10 (after the popularity quantile calibration of arXiv:2604.01036)."""
    return np.abs(_quantiles(a, values, levels) - _quantiles(b, values, levels)).mean(1)


def _quantiles(rows: Histories, values: np.ndarray, levels: int) -> np.ndarray:
    """(C, levels); by the inverse of the distribution function, so that each is the value of some item."""
    value = values[rows.items].astype(np.float64)
    value = np.append(value[np.lexsort((value, rows.rows()))], np.nan)
    at = np.floor((np.arange(levels) + 0.5) / levels * rows.lengths[:, None]).astype(np.int64)
    return value[np.where(rows.lengths[:, None] > 0, rows.offsets[:-1, None] + at, -1)]


def exposures(rows: Histories, n_items: int) -> dict[str, float]:
    """How the places of all lists fall on the catalogue: coverage (share of items that are in any), gini over all
    items, those never shown too, and entropy, 2^H / I."""
    shown = np.bincount(rows.items, minlength=n_items + 1)[1:]
    return {"coverage": float((shown > 0).mean()), "gini": gini(shown), "entropy": 2 ** entropy(shown) / n_items}


def random_lists(n: int, k: int, n_items: int, rng: np.random.Generator) -> np.ndarray:
    """(n, k) distinct items of each row, all subsets as likely (Floyd's algorithm, a step a column)."""
    out = np.zeros((n, k), np.int64)
    for column, last in enumerate(range(n_items - k + 1, n_items + 1)):
        drawn = rng.integers(1, last + 1, n)
        out[:, column] = np.where((out == drawn[:, None]).any(1), last, drawn)
    return out


def popular_lists(histories: Histories, split: Split, k: int, *, batch: int = 256) -> np.ndarray:
    """(C, k) the items most frequent in train, less each history where the protocol masks it."""
    counts = split.train_counts().astype(np.float64)
    if not split.protocol.mask_history:
        return np.tile(top_k(counts[None].copy(), k).items, (len(histories), 1))
    parts = []
    for start in range(0, len(histories), batch):
        part = histories.take(np.arange(start, min(start + batch, len(histories))))
        parts.append(top_k(np.tile(counts, (len(part), 1)), k, part).items)
    return np.concatenate(parts)


def _incidence(rows: Histories, width: int) -> csr_matrix:
    return csr_matrix((np.ones(len(rows.items)), rows.items, rows.offsets), (len(rows), width))


def _over(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """total / count, NaN where there is none."""
    return np.where(count > 0, total / np.where(count > 0, count, 1), np.nan)
