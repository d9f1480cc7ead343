"""Full-ranking evaluation of a recommender: the ranks of the held-out targets of each test case."""
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from workbench.data import Cases, Histories, Split
from workbench.data.leakage_measures import gini
from workbench.errors import UserError
from workbench.evaluate.metrics import DEPTH, KS, REPORTED, REPORTED_OF_SETS, per_case, popularity_groups
from workbench.interfaces import Evaluated, Recommendations, Recommender
from workbench.progress import Progress


@dataclass(frozen=True)
class Evaluation:
    """Ranks of the targets of C cases.

    ranks: (C,) int32, 1-based rank of the target, 0 if it is not in the top `depth`. groups: (C,) int32 size of the
    target's code group, or None if every item has its own code. shown: (I+1,) exposure, the number of top-10 lists
    that contain each item. offsets: (C+1,) where a case has a set of targets, as in `Cases`; ranks and groups are then
    (N,), one per target.
    """

    ranks: np.ndarray
    groups: np.ndarray | None
    shown: np.ndarray
    depth: int
    offsets: np.ndarray | None = None

    def per_case(self, metric: str) -> np.ndarray:
        """(C,) values of a metric such as "ndcg@10"."""
        return per_case(metric, self.ranks, self.groups, self.offsets)

    def among(self, mask: np.ndarray) -> "Evaluation":
        """The evaluation by the targets where `mask` (N,) holds alone: cases without one are left out."""
        groups, offsets = None if self.groups is None else self.groups[mask], None
        if self.offsets is not None:
            left = np.add.reduceat(mask, self.offsets[:-1], dtype=np.int64)
            offsets = np.concatenate([[0], np.cumsum(left[left > 0])])
        return Evaluation(self.ranks[mask], groups, self.shown, self.depth, offsets)

    def metrics(self, cases: Cases, split: Split) -> dict[str, float]:
        """Mean metrics over all cases and per popularity group, and beyond-accuracy metrics of the top-10 lists. Those
        of a group are of the cases with a target in it, and of these targets alone."""
        kinds = REPORTED if self.offsets is None else REPORTED_OF_SETS
        names = [f"{kind}@{k}" for kind in kinds for k in KS if k <= self.depth]
        metrics = {name: float(self.per_case(name).mean()) for name in names}
        counts = split.train_counts()
        for group, mask in popularity_groups(cases.targets, counts).items():
            own = self.among(mask)
            metrics[f"cases/{group}"] = len(own.ranks if own.offsets is None else own.offsets[1:])
            for metric in ("recall@10", "ndcg@10"):
                if mask.any():
                    metrics[f"{metric}/{group}"] = float(own.per_case(metric).mean())
        shown = self.shown[1:]
        metrics["coverage@10"] = float((shown > 0).mean())
        metrics["gini@10"] = gini(shown)
        metrics["popularity@10"] = float(shown @ counts[1:] / max(1, shown.sum()))  # mean train count of shown items
        return metrics


def per_case_by_popularity(run: Evaluated, split: Split, metric: str) -> dict[str, np.ndarray]:
    """Values of a metric for the cases of each popularity group that has any, by the targets in it alone."""
    whole = Evaluation(run.ranks, run.groups, np.zeros(0), 0, split.test.offsets)
    groups = popularity_groups(split.test.targets, split.train_counts())
    return {name: whole.among(mask).per_case(metric) for name, mask in groups.items() if mask.any()}


def evaluate(
    recommender: Recommender, cases: Cases, split: Split, *, depth: int = DEPTH, batch: int = 512, quiet: bool = False
) -> Evaluation:
    """Full ranking of every case under the split's protocol. UserError if a recommendation is invalid.

    Lists have length `depth`, or less for a case whose masked history leaves fewer items; no other list gets shorter.
    """
    n = len(cases.targets)
    ranks, groups, shown = np.zeros(n, np.int32), None, np.zeros(split.n_items + 1, np.int64)
    with Progress("evaluate", len(cases.histories), "cases", quiet=quiet) as progress:
        for index, k in _batches(cases.histories, batch, depth, split):
            part, at = cases.take(index), _targets_of(cases, index)
            histories, rows = part.histories, part.rows()
            recommendations = recommender.recommend(histories, k, histories if split.protocol.mask_history else None)
            validate_recommendations(recommendations, len(index), k, split.n_items)
            if recommendations.group is None:
                ranks[at] = first_places(recommendations.items, rows, part.targets)
            else:
                groups = np.ones(n, np.int32) if groups is None else groups
                target_group = recommender.codes.trie.group[part.targets]
                if split.protocol.mask_history:  # a masked target is a miss, even if its code group is listed
                    target_group[part.in_history()] = -1
                ranks[at], groups[at] = code_group_rank(recommendations, target_group, rows)
            shown += np.bincount(recommendations.items[:, :10].ravel(), minlength=len(shown))
            progress.step(len(index))
    return Evaluation(ranks, groups, shown, depth, cases.offsets)


def _targets_of(cases: Cases, index: np.ndarray) -> np.ndarray:
    """(n,) places of the targets of the cases at `index`, in that order."""
    if cases.offsets is None:
        return index
    return cases._replace(targets=np.arange(len(cases.targets)), times=None).take(index).targets


def first_places(listed: np.ndarray, rows: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(N,) the 1-based place in listed (B, k) at which each of wanted (N,) comes first in its row (N,); 0 if nowhere.

    >>> first_places(np.array([[7, 5, 5], [1, 2, 3]]), np.array([0, 0, 1]), np.array([5, 1, 3]))
    array([2, 0, 3])
    """
    n, k = listed.shape
    width = max(int(listed.max(initial=0)), int(wanted.max(initial=0))) + 2  # -1 is a value, too
    pairs, first = np.unique(np.arange(n)[:, None] * width + listed + 1, return_index=True)
    own = rows * width + wanted + 1
    at = np.minimum(np.searchsorted(pairs, own), len(pairs) - 1)
    return np.where(pairs[at] == own, first[at] % k + 1, 0)


def _batches(histories: Histories, size: int, depth: int, split: Split) -> Iterator[tuple[np.ndarray, int]]:
    """Rows of histories with the length of their lists, batch by batch: first those with `depth` items left to
    recommend, then those with fewer. UserError if a masked history holds the whole catalogue."""
    left = np.full(len(histories), split.n_items)
    if split.protocol.mask_history:
        left = left - distinct_items(histories)
    if len(left) and left.min() < 1:
        raise UserError("a masked history contains the whole catalogue, so no item is left to recommend", code=3)
    length = np.minimum(left, depth)
    for k in np.unique(length)[::-1]:
        rows = np.flatnonzero(length == k)
        order = rows[np.argsort(histories.lengths[rows], kind="stable")]  # similar lengths keep padding small
        for start in range(0, len(order), size):
            yield order[start : start + size], int(k)


def distinct_items(histories: Histories) -> np.ndarray:
    """(B,) number of distinct items in each history."""
    width = int(histories.items.max(initial=0)) + 1
    pairs = np.unique(histories.rows() * width + histories.items)
    return np.bincount(pairs // width, minlength=len(histories))


def max_distinct_items(histories: Histories) -> int:
    """The largest number of distinct items in any history."""
    return int(distinct_items(histories).max(initial=0))


def code_group_rank(
    recommendations: Recommendations, target: np.ndarray, rows: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """(N,) rank of the first item of each target's code group (0: not listed) and (N,) size of that group (1: not
    listed). The target itself may be cut off by the list's end. target: (N,) code groups, looked up in the lists of
    `rows` (N,), by default one for each list."""
    rows = np.arange(len(target)) if rows is None else rows
    rank = first_places(recommendations.group, rows, target)
    size = recommendations.group_size[rows, np.maximum(rank - 1, 0)]
    return rank, np.where(rank > 0, size, 1)


def validate_recommendations(recommendations: Recommendations, n: int, k: int, n_items: int) -> None:
    """UserError unless the lists have shape (n, k), distinct item ids in 1..n_items (no padding), best item first."""
    if not isinstance(recommendations, Recommendations):
        given = type(recommendations).__name__
        raise UserError(f"recommend returns workbench.interfaces.Recommendations(items, scores), not {given}", code=1)
    items, scores = np.asarray(recommendations.items), np.asarray(recommendations.scores)
    if items.shape != (n, k) or scores.shape != (n, k):
        raise UserError(f"recommend returned items of shape {items.shape} and scores of shape {scores.shape}, "
                        f"expected {(n, k)}", code=1)  # fmt: skip
    if items.dtype.kind not in "iu":
        raise UserError(f"recommend returned item ids as {items.dtype}; they are integers", code=1)
    if (scores[:, 1:] > scores[:, :-1]).any():
        raise UserError("recommend returned a list whose scores rise; the best item comes first", code=1)
    ordered = np.sort(items, axis=1)
    if ordered[:, 0].min() < 1 or ordered[:, -1].max() > n_items:
        raise UserError(f"recommend returned ids outside 1..{n_items} (0 is padding)", code=1)
    if (ordered[:, 1:] == ordered[:, :-1]).any():
        raise UserError("recommend returned an item twice in one list", code=1)


def recommend_all(
    recommender: Recommender, histories: Histories, k: int, *, masked: bool, batch: int = 512
) -> Recommendations:
    """Top-k lists for all histories, in their order, computed in batches of similar length. masked: exclude the items
    of each history from its list."""
    items = np.zeros((len(histories), k), np.int64)
    scores = np.zeros((len(histories), k), np.float64)
    for index in histories.batches(batch):
        rows = histories.take(index)
        recommendations = recommender.recommend(rows, k, rows if masked else None)
        items[index], scores[index] = recommendations.items, recommendations.scores
    return Recommendations(items, scores)
