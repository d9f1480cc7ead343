"""Graph heuristic: a few hops from the last item in the train graph, the most similar items of each hop; no training.

Paper     "An Embarrassingly Simple Graph Heuristic Reveals Shortcut-Solvable Benchmarks for Sequential
          Recommendation", 2026, arXiv:2605.07125.
Idea      Hop set h holds the items h steps from a source item; each hop set fills a fixed share of the list, best items
          first, and the list is their concatenation, never ranked as a whole. TGH-1: last item, 7/2/1 from hops 1/2/3.
          TGH-2: last item, 5/1 from hops 1/2, then the item before it, 3/1.
Claim     Texts order the hop sets better than edge counts and item ids do (off), and than texts permuted over the items
          (the placebo). By the paper it matches or beats trained models on many benchmarks (here sasrec, tiger).
Differs   Item vectors are the bench's, not 2,048-wide flan-T5-XL encodings; "none" for items without text. Positions
          that the hop sets cannot fill are filled in the order of a seeded hash of (user, item), not by a generator,
          from the same pool: items with a train edge. Similarities are rounded to 1e-5, ties go to the lower id. Items
          in `exclude` are skipped in every hop set before shares are counted. A longer list is made in rounds of ten
          with the same shares over the remaining items, so the first ten do not depend on k. Shares and alpha are the
          release's; dim was chosen on Beauty's validation set among 64, 256 and 512.
Reported  NDCG@10 +38.10% on Sports and +44.18% on CDs over the best other baseline; best or second on 10 of 14 sets.
"""
import logging
from typing import Any

import numpy as np

from workbench.data import Histories, Split
from workbench.data.graph import hop_distances, transitions
from workbench.data.splits import splitmix64
from workbench.embed.documents import FIELDS
from workbench.errors import UserError, unknown_name
from workbench.evaluate.top_k import top_k
from workbench.interfaces import Recommendations
from workbench.recommenders.count_based import from_plain_arrays, to_plain_arrays
from workbench.train.recipe import Recipe

PARENT = None
OFF = {"features": "none"}
PLACEBO = {"features": "permuted"}
RECIPE = Recipe()
SHARES = {"tgh1": ((7, 2, 1),), "tgh2": ((5, 1), (3, 1))}  # hops from the last item, then from the one before it
ROWS = 256  # source items processed at a time: three dense rows of the catalogue each
log = logging.getLogger("workbench")


def build(
    bench: Any, *, form: str = "tgh1", alpha: float = 0.5, features: str = "text", dim: int = 256
) -> "GraphHeuristic":
    """The graph-heuristic recommender, before fit. UserError names an unknown form or kind of features.

    form: tgh1 or tgh2. alpha: >= 0, weight of the edge count added to the similarity, in hop 1 only. features: text,
    permuted (the placebo control: text vectors permuted over items), or none (hop 1 by edge count alone, the others by
    item id). dim: dimension of the vectors.
    """
    if form not in SHARES:
        raise unknown_name("form", form, SHARES)
    if features not in ("text", "permuted", "none"):
        raise unknown_name("features", features, ("text", "permuted", "none"))
    if alpha < 0:
        raise UserError(f"graph_heuristic: alpha must be at least 0, not {alpha}")
    items = bench.dataset.items
    if features != "none" and not any((items[field].fillna("") != "").any() for field in FIELDS if field in items):
        log.info("graph_heuristic: the items of %s have no text, so features=none", bench.dataset.name)
        features = "none"
    vectors = None if features == "none" else bench.vectors(features, dim=dim)
    return GraphHeuristic(SHARES[form], alpha, vectors, bench.seed)


def concatenate_hops(hop_items: np.ndarray, available: np.ndarray, shares: tuple[int, ...], k: int) -> np.ndarray:
    """(B, k) items in hop order, 0 where the hop sets ran out; an item in two hop sets is used once.

    hop_items: (B, R, n) items of R hop sets, best first. available: (B, R, n) bool, the items that may be used. shares:
    how many items each of the R hop sets contributes per round. If a hop set is too small, unused items of earlier hop
    sets fill its share first, in order; whatever a round still lacks is filled in the same way.
    """
    n = hop_items.shape[2]
    flat, available = hop_items.reshape(len(hop_items), -1), available.reshape(len(hop_items), -1).copy()
    lists, filled = np.zeros((len(hop_items), k), np.int64), np.zeros(len(hop_items), np.int64)

    def append(first: int, last: int, wanted: np.ndarray) -> None:
        """Append one item to each wanted row: the first available one in hop sets first..last-1."""
        candidates = available[:, first * n : last * n]
        rows = np.flatnonzero(wanted & (filled < k) & candidates.any(axis=1))
        if len(rows):
            item = flat[rows, first * n + candidates[rows].argmax(axis=1)]
            lists[rows, filled[rows]] = item
            filled[rows] += 1
            available[rows] &= flat[rows] != item[:, None]

    for quota in range(sum(shares), k + sum(shares), sum(shares)):
        for hop, share in enumerate(shares):
            lacking = np.maximum(0, share - available[:, hop * n : (hop + 1) * n].sum(axis=1))
            borrowed = np.minimum(lacking, available[:, : hop * n].sum(axis=1))
            for i in range(share):
                append(0, hop, i < borrowed)
                append(hop, hop + 1, i >= borrowed)
        for _ in range(sum(shares)):
            append(0, len(shares), filled < quota)
    return lists


class GraphHeuristic:
    """Recommends the items within a few hops of the newest items, in the train graph.

    shares: for each of the newest items, how many items each of its hop sets contributes. vectors: (I+1, D) of items,
    with unit rows, or None to order hop sets without similarity.
    """

    def __init__(
        self, shares: tuple[tuple[int, ...], ...], alpha: float, vectors: np.ndarray | None, seed: int
    ):
        self.shares, self.alpha, self.features, self.seed = shares, alpha, vectors, seed

    def fit(self, split: Split, session: Any = None) -> list[dict]:
        """Count direct transitions between items in train."""
        self.load_state(to_plain_arrays({"follows": transitions(split.train, split.n_items)}))
        return []

    def state(self) -> dict[str, np.ndarray]:
        """The train graph."""
        return to_plain_arrays({"follows": self.follows})

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Load a train graph; hop sets are computed again when needed."""
        self.follows = from_plain_arrays(state)["follows"]
        self.cache: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}

    def recommend(self, histories: Histories, k: int, exclude: Histories | None = None) -> Recommendations:
        """k items from the hop sets of each history's newest items, scored 1/rank. UserError if fewer than k remain."""
        width = self.follows.shape[0]
        round_size = sum(map(sum, self.shares))
        spare = round_size + (0 if exclude is None else int(exclude.lengths.max(initial=0)))
        length = min(1 << (k + spare - 1).bit_length(), width - 1)  # a power of two, so that few caches serve all k
        items = np.append(histories.items, 0)
        parts = []
        for age, shares in enumerate(self.shares):
            sources = items[np.where(histories.lengths > age, histories.offsets[1:] - 1 - age, -1)]
            parts.append(self.cached_hop_items(sources, len(shares), length))
        hop_items = np.concatenate(parts, axis=1)
        available = hop_items > 0
        if exclude is not None:
            rows = np.arange(len(hop_items))[:, None, None]
            available &= ~np.isin(rows * width + hop_items, exclude.rows() * width + exclude.items)
        lists = concatenate_hops(hop_items, available, tuple(sum(self.shares, ())), k)
        short = np.flatnonzero(lists[:, -1] == 0)
        for start in range(0, len(short), ROWS):
            rows = short[start : start + ROWS]
            excluded = None if exclude is None else exclude.take(rows)
            lists[rows] = self.fill_short_lists(lists[rows], histories.users[rows], excluded)
        return Recommendations(lists, np.tile(1.0 / np.arange(1, k + 1), (len(lists), 1)))

    def cached_hop_items(self, sources: np.ndarray, depth: int, length: int) -> np.ndarray:
        """(B, depth, length): `hop_items` of sources (B,), computed once per source item."""
        if (depth, length) not in self.cache:
            width = self.follows.shape[0]
            self.cache[depth, length] = np.zeros(width, bool), np.zeros((width, depth, length), np.int32)
        computed, best = self.cache[depth, length]
        missing = np.unique(sources[~computed[sources]])
        for start in range(0, len(missing), ROWS):
            batch = missing[start : start + ROWS]
            best[batch] = self.hop_items(batch, depth, length)
        computed[missing] = True
        return best[sources]

    def hop_items(self, sources: np.ndarray, depth: int, length: int) -> np.ndarray:
        """(S, depth, length): the best items at hop distance 1..depth from each source, 0 where there are fewer."""
        distance = hop_distances(self.follows, sources, depth)
        loops = np.flatnonzero(self.follows.diagonal()[sources])
        distance[loops, sources[loops]] = 1  # an item that repeats in train is in its own hop set 1
        similarity = np.zeros(distance.shape, np.float32)
        if self.features is not None:
            np.matmul(self.features[sources], self.features.T, out=similarity)
        edges = self.follows[sources]
        rows = np.repeat(np.arange(len(sources)), np.diff(edges.indptr))
        heaviest = edges.max(axis=1).toarray()[:, 0]
        similarity[rows, edges.indices] += self.alpha * np.log1p(edges.data) / np.log1p(heaviest[rows])
        similarity = similarity.round(5)
        outside = -10 - np.arange(distance.shape[1], dtype=np.float32)
        hop_sets = []
        for hop in range(1, depth + 1):
            best = top_k(np.where(distance == hop, similarity, outside), length).items
            hop_sets.append(np.where(np.take_along_axis(distance, best, axis=1) == hop, best, 0))
        return np.stack(hop_sets, axis=1)

    def fill_short_lists(self, lists: np.ndarray, users: np.ndarray, exclude: Histories | None) -> np.ndarray:
        """Lists (B, k) with their zeros filled in hash order: first items with a train edge, then all others."""
        n, k = lists.shape
        items = np.arange(self.follows.shape[0])
        linked = np.zeros(len(items))
        linked[self.follows.indices] = linked[np.diff(self.follows.indptr) > 0] = 1
        hashes = splitmix64(np.repeat(users, len(items)), np.tile(items, n), seed=self.seed).reshape(n, -1)
        order = hashes / 2.0**64 + linked
        np.put_along_axis(order, lists, -1.0, axis=1)
        extra = top_k(order, k, exclude).items
        column = np.arange(k) - (lists > 0).sum(axis=1, keepdims=True)
        return np.where(lists > 0, lists, np.take_along_axis(extra, column.clip(min=0), axis=1))
