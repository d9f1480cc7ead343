"""Ranking metrics of cases whose targets are a set, as the field defines them: recall, precision, NDCG, MAP, MRR, hit.

Items with colliding codes appear in a list as one group of g items from rank p on, and each order of them is equally
likely. If m of them are targets, recall, precision and DCG are sums over targets, so their expectations are too; MAP,
MRR and hit follow from the chance that the place j of the group (0..g-1) holds a target, the first one, or any.
"""
import numpy as np


def metric_of_sets(
    kind: str, k: int, ranks: np.ndarray, size: np.ndarray, offsets: np.ndarray, expected: np.ndarray
) -> np.ndarray:
    """(C,) values of a metric at cutoff k. ranks, size: (N,) ranks, 0 for a miss, and code-group sizes of the targets
    of C cases, at `offsets` (C+1,). expected: (N,) expected gain of each target, 1 or 1 / log2(rank + 1) in the top k.

    recall@k: hits / targets. precision@k: hits / k. ndcg@k: DCG / DCG of min(targets, k) hits at the top. map@k: sum of
    the precisions at the hits / min(targets, k). mrr@k: 1 / rank of the first hit. hit@k: whether there is one.
    """
    n_targets = np.diff(offsets)
    rows = np.repeat(np.arange(len(n_targets)), n_targets)
    if kind in ("recall", "precision", "ndcg"):
        total = np.bincount(rows, expected, minlength=len(n_targets))
        ideal = np.cumsum(1 / np.log2(np.arange(2.0, k + 2)))
        return total / {"recall": n_targets, "precision": k, "ndcg": ideal[np.minimum(n_targets, k) - 1]}[kind]
    groups = _Groups(ranks, size, rows, k)
    if kind == "map":
        return np.bincount(groups.row, groups.precision_at_hits(), len(n_targets)) / np.minimum(n_targets, k)
    reciprocal, hit = groups.first_hit()
    value = np.zeros(len(n_targets))
    if kind == "hit":  # a group of which only a part is in the top k is the last of its list
        np.maximum.at(value, groups.row, hit)
    else:
        value[groups.row[groups.first]] = reciprocal[groups.first]
    return value


class _Groups:
    """The code groups with a target that start in the top k: G entries, by case and rank.

    row: case. start: rank p of the first item. size: g. targets: m. before: targets in earlier groups of the case, all
    of which are hits. first: whether it is the first group of its case.
    """

    def __init__(self, ranks: np.ndarray, size: np.ndarray, rows: np.ndarray, k: int):
        listed = np.flatnonzero((ranks > 0) & (ranks <= k))
        key, index, self.targets = np.unique(rows[listed] * (k + 1) + ranks[listed], return_index=True,
                                             return_counts=True)  # fmt: skip
        self.row, self.start, self.size, self.k = key // (k + 1), key % (k + 1), size[listed][index], k
        self.first = np.concatenate([[True], self.row[1:] != self.row[:-1]])[: len(key)]
        seen = np.cumsum(self.targets) - self.targets
        self.before = seen - seen[self.first][np.cumsum(self.first) - 1]

    def places(self):
        """The places j of the groups, with the mask of the groups of which place j is in the top k."""
        for j in range(int(np.minimum(self.size, self.k - self.start + 1).max(initial=0))):
            yield j, (j < self.size) & (self.start + j <= self.k)

    def first_hit(self) -> tuple[np.ndarray, np.ndarray]:
        """(G,) expected 1 / rank of the first target of each group, 0 beyond k, and the chance that it is within k."""
        reciprocal, none_yet = np.zeros(len(self.row)), np.ones(len(self.row))
        for j, inside in self.places():
            chance = np.where(inside, np.minimum(self.targets / np.maximum(self.size - j, 1), 1), 0)
            reciprocal += none_yet * chance / (self.start + j)
            none_yet = none_yet * (1 - chance)
        return reciprocal, 1 - none_yet

    def precision_at_hits(self) -> np.ndarray:
        """(G,) expected sum, over the targets of each group within k, of the precision at their rank."""
        total, others = np.zeros(len(self.row)), (self.targets - 1) / np.maximum(self.size - 1, 1)
        for j, inside in self.places():
            total += inside * self.targets / self.size * (self.before + 1 + others * j) / (self.start + j)
        return total
