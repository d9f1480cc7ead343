"""The rules to beat among live items: the popular ones, and those that the user has watched before, live now."""
import numpy as np
from scipy.sparse import csr_matrix

from workbench.data import Dataset, Histories
from workbench.errors import UserError
from workbench.evaluate.live.time_valid import ScoreOf


def groups_of_items(dataset: Dataset, column: str = "streamer") -> np.ndarray:
    """(I+1,) int64: a number from 1 for each value of a column of the items, such as the streamer of a room; 0 in row 0
    and where there is none. UserError (code 3) for a column that there is not."""
    if column not in dataset.items:
        has = ", ".join(map(str, dataset.items.columns))
        raise UserError(f"{dataset.name}: the items have no column {column!r}; they have {has}", code=3)
    codes = dataset.items[column].astype("category").cat.codes.to_numpy(np.int64)
    return np.concatenate([[0], codes + 1])


def popular_live(counts: np.ndarray, groups: np.ndarray | None = None) -> ScoreOf:
    """Scores by train count (I+1,), summed over the items of a group (I+1,) where these are given: a room that has just
    opened is as popular as its streamer."""
    counts = _by_group(counts, groups)
    return lambda histories, items: np.broadcast_to(counts[items], (len(histories), len(items)))


def watched_and_live(counts: np.ndarray, groups: np.ndarray | None = None) -> ScoreOf:
    """What the user has watched before comes first, the more often the better, then the popular: by how often the item,
    or its group, is in the history, and by train count (I+1,) among equals."""
    groups = np.arange(len(counts)) if groups is None else groups
    counts = _by_group(counts, groups)
    most = counts.max(initial=0.0) + 1

    def score(histories: Histories, items: np.ndarray) -> np.ndarray:
        names, at = np.unique(groups[items], return_inverse=True)
        seen = groups[histories.items]
        place = np.minimum(np.searchsorted(names, seen), len(names) - 1)
        here = (names[place] == seen) & (seen > 0)
        watched = csr_matrix((np.ones(here.sum()), (histories.rows()[here], place[here])), (len(histories), len(names)))
        member = csr_matrix((np.ones(len(items)), (at, np.arange(len(items)))), (len(names), len(items)))
        often = (watched @ member).tocoo()
        scores = np.tile(counts[items], (len(histories), 1))
        scores[often.row, often.col] += most * often.data
        return scores

    return score


def _by_group(counts: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    """(I+1,) float64 counts, or of the whole group of each item."""
    counts = np.asarray(counts, np.float64)
    return counts if groups is None else np.where(groups > 0, np.bincount(groups, counts)[groups], counts)
