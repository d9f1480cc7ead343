"""Two limits of what there is to find: targets that repeat the history, and the best that the last item can tell."""
import numpy as np

from workbench.data import Histories, Split
from workbench.diagnose.data.leakage import last_items
from workbench.diagnose.verdict.card import Card, mean_figure
from workbench.evaluate import per_case
from workbench.train.rng import stream


def repeats(cut: Split, *, seed: int = 0) -> Card:
    """Test targets that are in their own history, and NDCG@10 of recommending the history, newest item first.

    The null deals the targets to other cases. Where the protocol masks the history, repeats cannot be recommended.
    """
    dealt = stream(seed, "targets dealt").permutation(cut.test.targets)
    own, other = (repeat_places(cut.test.histories, targets) for targets in (cut.test.targets, dealt))
    share = mean_figure(
        "repeated test targets", own > 0, null=float((other > 0).mean()), toward="above",
        note="Share of test targets that the user's history holds already; the null deals the targets.",
    )  # fmt: skip
    if cut.protocol.mask_history:
        return Card((share,), unmeasured={"repeat last": "the protocol masks the history, so none of it can be shown"})
    return Card((share, mean_figure(
        "repeat last", per_case("ndcg@10", own), null=float(per_case("ndcg@10", other).mean()), toward="above",
        note="NDCG@10 of the history itself, newest item first.",
    )))  # fmt: skip


def repeat_places(histories: Histories, targets: np.ndarray) -> np.ndarray:
    """(C,) places of targets among the distinct items of their history, newest first; 0 where it is not there.

    >>> rows = Histories(np.array([0, 4, 5]), np.array([3, 1, 2, 1]+[4]), np.arange(2))
    >>> repeat_places(rows, np.array([3, 1])).tolist()
    [3, 0]
    """
    rows, items = histories.rows(), histories.items
    width = int(max(items.max(initial=0), targets.max(initial=0))) + 1
    newest = np.unique((rows * width + items)[::-1], return_index=True)[1]  # of each item of a row, from the end
    kept = np.zeros(len(items), bool)
    kept[len(items) - 1 - newest] = True
    distinct = histories.where(kept)
    rows = distinct.rows()
    hit = distinct.items == targets[rows]
    places = np.zeros(len(histories), np.int64)
    places[rows[hit]] = distinct.offsets[1:][rows[hit]] - np.flatnonzero(hit)
    return places


def ceiling(cut: Split, *, seed: int = 0) -> Card:
    """The best NDCG@10 that a method which looks at the last item alone could have: an oracle that ranks, for each last
    item, the targets of the test cases themselves by how often they occur (ours).

    The null deals the targets to other cases: a last item that few cases share bounds nothing, whatever follows it.
    Where the protocol masks the history, the bound holds for the unmasked ranking.
    """
    last, targets = last_items(cut.test), cut.test.targets
    alone = np.bincount(last)[last] == 1
    dealt = stream(seed, "targets dealt").permutation(targets)
    real, chance = (per_case("ndcg@10", oracle_places(last, some)) for some in (targets, dealt))
    return Card((
        mean_figure("label noise ceiling", real, null=float(chance.mean()), toward="above",
                    note="NDCG@10 of an oracle that knows what follows each last item in test; no method that sees the "
                         "last item alone has more."),
        mean_figure("cases alone with their last item", alone,
                    note="Share of test cases whose last item no other case has; the oracle has them all right."),
    ))  # fmt: skip


def oracle_places(last: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(C,) places of targets (C,) among those of the same last item (C,), the commonest first.

    >>> oracle_places(np.array([1, 1, 1, 2]), np.array([5, 6, 6, 5])).tolist()
    [2, 1, 1, 1]
    """
    width = int(targets.max(initial=0)) + 1
    pairs, back, count = np.unique(last * width + targets, return_inverse=True, return_counts=True)
    order = np.lexsort((-count, pairs // width))
    place = np.empty(len(pairs), np.int64)
    place[order] = np.arange(len(pairs)) - np.searchsorted(pairs // width, pairs // width) + 1
    return place[back.ravel()]
