"""Feature smoothness: is the target similar to the last item? Cosine of item vectors, against equally popular items."""
import numpy as np
from scipy.sparse import csr_matrix

from workbench.data import Split
from workbench.data.graph import last_items, pair_hop_distances, transitions
from workbench.diagnose.verdict.card import Card, Figure, mean_figure
from workbench.embed.svd import l2_normalize
from workbench.errors import UserError
from workbench.train.rng import named_rng

NEAREST = 50  # cutoff of the recall by similarity
NEGATIVES = 20  # per case
WINDOW = 100  # ranks by popularity, up and down, within which a negative counts as equally popular
MAX_CELLS = 8_000_000  # similarities held in memory at a time, 32 MB
TOLERANCE = 1e-6  # similarities closer than this are ties (floating-point summation order)
SAMPLE = 4_000  # cases that are ranked again with permuted features


def eligible_cases(split: Split, vectors: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors (I+1, D) float32; (I+1,) bool, items with a vector; and (C,) bool, eligible test cases: last item
    and target have vectors and differ. UserError without vectors or eligible cases."""
    if vectors is None:
        raise UserError("no item vectors: the dataset has no item features (text, image) to compute them from", code=3)
    if vectors.ndim != 2 or len(vectors) != split.n_items + 1:
        raise UserError(f"item vectors must have {split.n_items + 1} rows, row 0 for padding, not {vectors.shape}")
    has_vector = (vectors != 0).any(axis=1)
    has_vector[0] = False
    before, after = last_items(split.test.histories), split.test.targets
    eligible = has_vector[before] & has_vector[after] & (before != after)
    if not eligible.any():
        raise UserError(f"no test case has vectors for its last item and its target ({has_vector.sum()} items have)",
                        code=3)
    return l2_normalize(vectors.astype(np.float32)), has_vector, eligible


def share_below(own: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(C,) share of others (C, n) below own (C,), ties counted half; NaN among others is ignored.

    >>> share_below(np.array([0.9]), np.array([[0.5, 0.95]]))
    array([0.5])
    """
    gap = own[:, None] - others
    valid = ~np.isnan(others)
    return ((gap > TOLERANCE).sum(1) + 0.5 * (np.abs(gap) <= TOLERANCE).sum(1)) / np.maximum(valid.sum(1), 1)


def order_by_popularity(counts: np.ndarray, has_vector: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The ids of the items with `has_vector` (I+1,) bool by rising train count, ties in random order."""
    items = np.flatnonzero(has_vector)
    return items[np.lexsort((rng.random(len(items)), counts[items]))]


def popularity_matched_negatives(order: np.ndarray, targets: np.ndarray, n: int,
                                 rng: np.random.Generator) -> np.ndarray:
    """(C, n) random items within WINDOW ranks of each target in `order` (of `order_by_popularity`), never the
    target."""
    rank = np.zeros(order.max() + 1, np.int64)
    rank[order] = np.arange(len(order))
    width = min(WINDOW, max(1, (len(order) - 1) // 2))
    start = np.clip(rank[targets] - width, 0, max(0, len(order) - 2 * width - 1))
    drawn = start[:, None] + rng.integers(0, min(2 * width, len(order) - 1), (len(targets), n))
    drawn += drawn >= rank[targets][:, None]
    return order[drawn]


def permute_within_popularity(vectors: np.ndarray, order: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The vectors permuted among items of the same decile of `order` (of `order_by_popularity`)."""
    out = vectors.copy()
    for decile in np.array_split(order, 10):
        out[decile] = vectors[rng.permutation(decile)]
    return out


def cosine_similarity(vectors: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(C, n) cosines of items before (C,) with items after (C, n), in blocks; vectors have unit rows."""
    rows = max(1, MAX_CELLS // (vectors.shape[1] * max(1, after.shape[1])))
    out = np.zeros(after.shape, np.float32)
    for at in range(0, len(before), rows):
        block = slice(at, at + rows)
        out[block] = np.matmul(vectors[after[block]], vectors[before[block]][:, :, None])[:, :, 0]
    return out


def similarity_ranks(vectors: np.ndarray, has_vector: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(C,) rank of after[i] among all items with a vector except before[i] by similarity to before[i]; 1 is the most
    similar, ties share their mean rank."""
    items = np.flatnonzero(has_vector)
    column = np.zeros(len(has_vector), np.int64)
    column[items] = np.arange(len(items))
    table, ranks, rows = vectors[items].T.copy(), np.zeros(len(before)), max(1, MAX_CELLS // len(items))
    for start in range(0, len(before), rows):
        a, b = before[start : start + rows], after[start : start + rows]
        scores = vectors[a] @ table
        own = np.take_along_axis(scores, column[b][:, None], 1)
        scores[np.arange(len(a)), column[a]] = -2
        above, tied = (scores > own + TOLERANCE).sum(axis=1), (scores >= own - TOLERANCE).sum(axis=1)
        ranks[start : start + rows] = (above + 1 + tied) / 2
    return ranks


def percentile_among_neighbors(
    vectors: np.ndarray, has_vector: np.ndarray, rows: csr_matrix, before: np.ndarray, after: np.ndarray
) -> np.ndarray:  # fmt: skip
    """(C,) share of the other items with a vector in row i of `rows`, except before[i] and after[i], that are less
    similar to before[i] than after[i]; NaN if there are none."""
    less, total, step = np.zeros(len(before)), np.zeros(len(before)), max(1, MAX_CELLS // len(vectors))
    for start in range(0, len(before), step):
        a, b, block = before[start : start + step], after[start : start + step], rows[start : start + step]
        case = np.repeat(np.arange(len(a)), np.diff(block.indptr))
        keep = has_vector[block.indices] & (block.indices != a[case]) & (block.indices != b[case])
        case, item = case[keep], block.indices[keep]
        scores = vectors[a] @ vectors.T
        gap = scores[case, b[case]] - scores[case, item]
        less[start : start + step] = np.bincount(case, (gap > TOLERANCE) + 0.5 * (np.abs(gap) <= TOLERANCE),
                                                 minlength=len(a))
        total[start : start + step] = np.bincount(case, minlength=len(a))
    return np.where(total > 0, less / np.maximum(total, 1), np.nan)


def feature_smoothness(split: Split, vectors: np.ndarray | None, *, seed: int = 0) -> Card:
    """Feature smoothness of test transitions from item vectors (I+1, D), row 0 padding, zero rows for missing vectors.

    Figures: AUC_f, the probability that the target is more similar to the last item than an equally popular item is;
    AUC_f beyond one hop, the same if train has no edge from the last item to the target; percentile of the target by
    similarity in the catalogue, and among the items at the same distance (1 or 2 hops) in the train graph; recall@50 by
    similarity. Null: features permuted within deciles of popularity. Cases without a vector, or whose target is the
    last item, are excluded and counted. UserError without features.
    """
    vectors, has_vector, eligible = eligible_cases(split, vectors)
    before, after = last_items(split.test.histories)[eligible], split.test.targets[eligible].astype(np.int64)
    rng = named_rng(seed, "feature smoothness")
    order = order_by_popularity(split.train_counts(), has_vector, rng)
    permuted, negatives = permute_within_popularity(vectors, order, rng), popularity_matched_negatives(order, after,
                                                                                                       NEGATIVES, rng)
    graph = transitions(split.train, split.n_items)
    hops = pair_hop_distances(graph, before, after) if graph.nnz else np.full(len(before), 5)
    auc, null = (_auc(table, before, after, negatives) for table in (vectors, permuted))
    sample = rng.permutation(len(before))[:SAMPLE]
    rank = similarity_ranks(vectors, has_vector, before, after)
    null_rank = similarity_ranks(permuted, has_vector, before[sample], after[sample])
    others = has_vector.sum() - 1
    figures = [
        mean_figure(
            "AUC_f", auc, null=float(null.mean()), direction="above",
            note="Probability that the target is more similar to the last item than an equally popular item is. Null: "
            "features permuted among equally popular items.",
        ),
        mean_figure(
            "percentile",
            1 - (rank - 0.5) / others, null=float(1 - (null_rank.mean() - 0.5) / others), direction="above",
            note="Share of the catalogue less similar to the last item than the target. Null: permuted features.",
        ),
        mean_figure(
            f"recall@{NEAREST} by similarity",
            (rank <= NEAREST).astype(float), null=float((null_rank <= NEAREST).mean()), direction="above",
            note=f"Share of targets among the {NEAREST} items most similar to the last. Null: permuted features.",
        ),
        Figure(
            "excluded cases", float(1 - eligible.mean()), n=len(eligible),
            note="Share of test cases whose last item or target has no vector, or whose target is the last item.",
        ),
    ]  # fmt: skip
    far = hops > 1
    if far.any():
        figures.insert(1, mean_figure(
            "AUC_f beyond one hop", auc[far], null=float(null[far].mean()), direction="above",
            note="The same probability over cases whose target never directly follows the last item in train. Null: as "
                 "above.",
        ))  # fmt: skip
    return Card((*figures, *_by_distance(graph, (vectors, permuted), has_vector, (before, after, hops))))


def _auc(vectors: np.ndarray, before: np.ndarray, after: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    others = cosine_similarity(vectors, before, negatives)
    own = cosine_similarity(vectors, before, after[:, None])[:, 0]
    return share_below(own, np.where(negatives == before[:, None], np.nan, others))


def _by_distance(graph: csr_matrix, tables: tuple, has_vector: np.ndarray, pairs: tuple) -> list[Figure]:
    """Similarity percentile of targets among the items at the same distance, one figure per distance of 1 and 2
    hops."""
    before, after, hops = pairs
    figures = []
    for distance in (1, 2):
        at = np.flatnonzero(hops == distance)[:SAMPLE]
        if not len(at):
            continue
        rows = graph[before[at]]
        if distance == 2:
            direct = rows
            rows = (rows @ graph).tocsr()
            rows = rows - rows.multiply(direct > 0)
            rows.eliminate_zeros()
        own, null = (percentile_among_neighbors(table, has_vector, rows, before[at], after[at]) for table in tables)
        valid = ~np.isnan(own)
        if valid.any():
            figures.append(mean_figure(
                f"percentile within hop {distance}", own[valid], null=float(null[valid].mean()), direction="above",
                note=f"For targets {distance} hop(s) from the last item: the share of the items at that distance that "
                f"are less similar to it (at most {SAMPLE:,} cases). Null: permuted features.",
            ))  # fmt: skip
    return figures
