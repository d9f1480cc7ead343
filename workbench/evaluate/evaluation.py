"""Ask a recommender about every case and keep, per case, where the target stood."""
from dataclasses import dataclass

import numpy as np

from workbench.data import Cases, Histories, Split
from workbench.data.leakage_measures import gini
from workbench.errors import UserError
from workbench.evaluate.metrics import DEPTH, KS, per_case, strata
from workbench.interfaces import Recommendations, Recommender
from workbench.progress import Progress


@dataclass(frozen=True)
class Evaluation:
    """What was found for C cases.

    ranks: (C,) int32 place of the target, 1-based, 0 if it is not among the first `depth`. groups: (C,) int32 size of
    the target's code group, or None where every item is its own. shown: (I+1,) how often each item was in a top 10.
    """

    ranks: np.ndarray
    groups: np.ndarray | None
    shown: np.ndarray
    depth: int

    def metrics(self, cases: Cases, split: Split) -> dict[str, float]:
        """Means over all cases and over strata, and what the lists look like beyond accuracy."""
        found = {
            f"{kind}@{k}": float(per_case(f"{kind}@{k}", self.ranks, self.groups).mean())
            for kind in ("recall", "ndcg", "mrr") for k in KS if k <= self.depth
        }
        counts = split.train_counts()
        for name, mask in strata(cases.targets, counts).items():
            found[f"cases/{name}"] = int(mask.sum())
            for metric in ("recall@10", "ndcg@10"):
                if mask.any():
                    found[f"{metric}/{name}"] = float(per_case(metric, self.ranks, self.groups)[mask].mean())
        shown = self.shown[1:]
        found["coverage@10"] = float((shown > 0).mean())
        found["gini@10"] = gini(shown)
        found["popularity@10"] = float(shown @ counts[1:] / max(1, shown.sum()))  # mean train count of what is shown
        return found


def evaluate(
    recommender: Recommender, cases: Cases, split: Split, *, depth: int = DEPTH, batch: int = 512, quiet: bool = False
) -> Evaluation:
    """Full ranking of every case under the split's protocol. UserError where a recommendation breaks the contract.

    Where the catalogue leaves fewer than `depth` items to somebody, lists are as long as there are items for everybody.
    """
    n = len(cases.targets)
    k = min(depth, split.n_items - (longest_set(cases.histories) if split.protocol.mask_history else 0))
    if k < 1:
        raise UserError("a masked history holds the whole catalogue, so nothing is left to recommend", code=3)
    ranks, groups, shown = np.zeros(n, np.int32), None, np.zeros(split.n_items + 1, np.int64)
    with Progress("evaluate", n, "cases", quiet=quiet) as progress:
        for index in cases.histories.batches(batch):
            histories = cases.histories.take(index)
            found = recommender.recommend(histories, k, histories if split.protocol.mask_history else None)
            check(found, len(index), k, split.n_items)
            if found.group is None:
                hit = found.items == cases.targets[index, None]
                ranks[index] = np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, 0)
            else:
                groups = np.ones(n, np.int32) if groups is None else groups
                own = recommender.codes.trie.group[cases.targets[index]]
                if split.protocol.mask_history:  # a masked target cannot be found, though others of its group can
                    again = histories.items == np.repeat(cases.targets[index], histories.lengths)
                    own[histories.rows()[again]] = -1
                ranks[index], groups[index] = first_of_group(found, own)
            shown += np.bincount(found.items[:, :10].ravel(), minlength=len(shown))
            progress.step(len(index))
    return Evaluation(ranks, groups, shown, depth)


def longest_set(histories: Histories) -> int:
    """The most distinct items in any history."""
    pairs = np.unique(histories.rows() * (int(histories.items.max(initial=0)) + 1) + histories.items)
    return int(np.bincount(pairs // (int(histories.items.max(initial=0)) + 1), minlength=1).max())


def first_of_group(found: Recommendations, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place of the first item of the target's code group, and how many that group has, for each row: whether or not
    the target itself still fitted into the list. target: (B,) code groups."""
    hit = found.group == target[:, None]
    size = np.take_along_axis(found.group_size, hit.argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, 0), np.where(hit.any(axis=1), size, 1)


def check(found: Recommendations, n: int, k: int, n_items: int) -> None:
    """Hold a recommender to its contract: shape, valid and distinct ids, no padding."""
    items = np.asarray(found.items)
    if items.shape != (n, k):
        raise UserError(f"recommend returned shape {items.shape}, expected {(n, k)}", code=1)
    ordered = np.sort(items, axis=1)
    if ordered[:, 0].min() < 1 or ordered[:, -1].max() > n_items:
        raise UserError(f"recommend returned ids outside 1..{n_items} (0 is padding)", code=1)
    if (ordered[:, 1:] == ordered[:, :-1]).any():
        raise UserError("recommend returned an item twice in one list", code=1)


def lists(recommender: Recommender, histories: Histories, k: int, *, masked: bool, batch: int = 512) -> Recommendations:
    """Recommendations for all histories in their own order, asked for in batches of similar length."""
    items = np.zeros((len(histories), k), np.int64)
    scores = np.zeros((len(histories), k), np.float64)
    for index in histories.batches(batch):
        part = histories.take(index)
        found = recommender.recommend(part, k, part if masked else None)
        items[index], scores[index] = found.items, found.scores
    return Recommendations(items, scores)
