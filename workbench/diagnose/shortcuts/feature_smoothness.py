"""Is the next item like the last one? Likeness of item vectors, against items as popular as the target."""
import numpy as np
from scipy.sparse import csr_matrix

from workbench.data import Split
from workbench.data.graph import last_items, pair_distances, transitions
from workbench.diagnose.verdict.card import Card, Figure, mean_figure
from workbench.embed.svd import unit
from workbench.errors import UserError
from workbench.train.rng import stream

NEAREST = 50
NEGATIVES = 20  # for each case
WINDOW = 100  # places in order of popularity, up and down, within which a negative is as popular as a target
CELLS = 8_000_000  # likenesses held at a time, 32 MB
SAME = 1e-6  # likenesses closer than this are equal: the order of sums moves them
SAMPLE = 4_000  # cases whose places are found again with permuted features


def usable(split: Split, vectors: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors (I+1, D) float32, (I+1,) bool which items have one, and (C,) bool which test cases can be asked:
    last item and target have one and are not the same. UserError where there is nothing to measure."""
    if vectors is None:
        raise UserError("no item vectors: the dataset has no item features (text, image) to make them of", code=3)
    if vectors.ndim != 2 or len(vectors) != split.n_items + 1:
        raise UserError(f"item vectors must have {split.n_items + 1} rows, row 0 for padding, not {vectors.shape}")
    known = (vectors != 0).any(axis=1)
    known[0] = False
    before, after = last_items(split.test.histories), split.test.targets
    asked = known[before] & known[after] & (before != after)
    if not asked.any():
        raise UserError(f"no test case has vectors for its last item and its target ({known.sum()} items have)", code=3)
    return unit(vectors.astype(np.float32)), known, asked


def below(own: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(C,) share of others (C, n) that lie below own (C,), equal ones by half; NaN among others is left out.

    >>> below(np.array([0.9]), np.array([[0.5, 0.95]]))
    array([0.5])
    """
    gap = own[:, None] - others
    there = ~np.isnan(others)
    return ((gap > SAME).sum(1) + 0.5 * (np.abs(gap) <= SAME).sum(1)) / np.maximum(there.sum(1), 1)


def by_popularity(counts: np.ndarray, known: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The ids of `known` items (I+1,) bool from rarest to most popular, equal ones in random order."""
    items = np.flatnonzero(known)
    return items[np.lexsort((rng.random(len(items)), counts[items]))]


def matched_negatives(order: np.ndarray, targets: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """(C, n) items within WINDOW places of each target in `order`, from `by_popularity`, never the target itself."""
    place = np.zeros(order.max() + 1, np.int64)
    place[order] = np.arange(len(order))
    width = min(WINDOW, max(1, (len(order) - 1) // 2))
    start = np.clip(place[targets] - width, 0, max(0, len(order) - 2 * width - 1))
    drawn = start[:, None] + rng.integers(0, min(2 * width, len(order) - 1), (len(targets), n))
    drawn += drawn >= place[targets][:, None]
    return order[drawn]


def permuted(vectors: np.ndarray, order: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The vectors of known items dealt anew among items of the same tenth of `order`, from `by_popularity`."""
    out = vectors.copy()
    for tenth in np.array_split(order, 10):
        out[tenth] = vectors[rng.permutation(tenth)]
    return out


def likeness(vectors: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(C, n) cosines of before (C,) with after (C, n), in blocks; vectors have unit rows."""
    rows = max(1, CELLS // (vectors.shape[1] * max(1, after.shape[1])))
    out = np.zeros(after.shape, np.float32)
    for at in range(0, len(before), rows):
        block = slice(at, at + rows)
        out[block] = np.matmul(vectors[after[block]], vectors[before[block]][:, :, None])[:, :, 0]
    return out


def places(vectors: np.ndarray, known: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(C,) place of after[i] among all known items but before[i], by likeness to before[i]; 1 is the most alike, and
    equal ones share the middle of their places."""
    items = np.flatnonzero(known)
    column = np.zeros(len(known), np.int64)
    column[items] = np.arange(len(items))
    table, found, rows = vectors[items].T.copy(), np.zeros(len(before)), max(1, CELLS // len(items))
    for start in range(0, len(before), rows):
        a, b = before[start : start + rows], after[start : start + rows]
        scores = vectors[a] @ table
        own = np.take_along_axis(scores, column[b][:, None], 1)
        scores[np.arange(len(a)), column[a]] = -2
        above, level = (scores > own + SAME).sum(axis=1), (scores >= own - SAME).sum(axis=1)
        found[start : start + rows] = (above + 1 + level) / 2
    return found


def ring_percentile(
    vectors: np.ndarray, known: np.ndarray, rows: csr_matrix, before: np.ndarray, after: np.ndarray
) -> np.ndarray:  # fmt: skip
    """(C,) share of the other known items in row i of `rows`, without before[i] and after[i], that are less like
    before[i] than after[i] is; NaN where there are none."""
    less, total, step = np.zeros(len(before)), np.zeros(len(before)), max(1, CELLS // len(vectors))
    for start in range(0, len(before), step):
        a, b, part = before[start : start + step], after[start : start + step], rows[start : start + step]
        case = np.repeat(np.arange(len(a)), np.diff(part.indptr))
        keep = known[part.indices] & (part.indices != a[case]) & (part.indices != b[case])
        case, item = case[keep], part.indices[keep]
        scores = vectors[a] @ vectors.T
        gap = scores[case, b[case]] - scores[case, item]
        less[start : start + step] = np.bincount(case, (gap > SAME) + 0.5 * (np.abs(gap) <= SAME), minlength=len(a))
        total[start : start + step] = np.bincount(case, minlength=len(a))
    return np.where(total > 0, less / np.maximum(total, 1), np.nan)


def smoothness(split: Split, vectors: np.ndarray | None, *, seed: int = 0) -> Card:
    """Feature smoothness of test transitions from item vectors (I+1, D), row 0 padding, zero rows for items without.

    Figures: AUC_f, the chance that the last item is more like the target than like an item as popular as the target;
    AUC_f beyond an edge, the same where train has no edge from the last item to the target; percentile of the target
    by likeness in the catalogue, and in its own ring (1 or 2) of the train graph; nearest, the share of targets among
    the NEAREST most alike. Null of all: features permuted among items of the same tenth by popularity. Cases without a
    vector, or that repeat the last item, are left out and counted. UserError where there are no features.
    """
    vectors, known, asked = usable(split, vectors)
    before, after = last_items(split.test.histories)[asked], split.test.targets[asked].astype(np.int64)
    rng = stream(seed, "feature smoothness")
    order = by_popularity(split.train_counts(), known, rng)
    fake, negatives = permuted(vectors, order, rng), matched_negatives(order, after, NEGATIVES, rng)
    graph = transitions(split.train, split.n_items)
    steps = pair_distances(graph, before, after) if graph.nnz else np.full(len(before), 5)
    auc, null = (_auc(table, before, after, negatives) for table in (vectors, fake))
    some = rng.permutation(len(before))[:SAMPLE]
    place, by_chance = places(vectors, known, before, after), places(fake, known, before[some], after[some])
    others = known.sum() - 1
    figures = [
        mean_figure(
            "AUC_f", auc, null=float(null.mean()), toward="above",
            note="Chance that the last item is more like the target than like an item as popular. Null: features "
            "permuted among equally popular items.",
        ),
        mean_figure(
            "percentile", 1 - (place - 0.5) / others, null=float(1 - (by_chance.mean() - 0.5) / others), toward="above",
            note="Share of the catalogue less like the last item than the target is. Null: features permuted.",
        ),
        mean_figure(
            "nearest", (place <= NEAREST).astype(float), null=float((by_chance <= NEAREST).mean()), toward="above",
            note=f"Share of targets among the {NEAREST} items most like the last. Null: features permuted.",
        ),
        Figure(
            "cases left out", float(1 - asked.mean()), n=len(asked),
            note="Share of test cases whose last item or target has no vector, or whose target is the last item.",
        ),
    ]  # fmt: skip
    far = steps > 1
    if far.any():
        figures.insert(1, mean_figure(
            "AUC_f beyond an edge", auc[far], null=float(null[far].mean()), toward="above",
            note="AUC_f of the cases whose target never directly followed the last item in train. Null: the same.",
        ))  # fmt: skip
    return Card((*figures, *_in_rings(graph, (vectors, fake), known, (before, after, steps))))


def _auc(vectors: np.ndarray, before: np.ndarray, after: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    others = likeness(vectors, before, negatives)
    own = likeness(vectors, before, after[:, None])[:, 0]
    return below(own, np.where(negatives == before[:, None], np.nan, others))


def _in_rings(graph: csr_matrix, tables: tuple, known: np.ndarray, pairs: tuple) -> list[Figure]:
    """The percentile of targets inside their own ring, one figure a ring that has any."""
    before, after, steps = pairs
    found = []
    for ring in (1, 2):
        at = np.flatnonzero(steps == ring)[:SAMPLE]
        if not len(at):
            continue
        rows = graph[before[at]]
        if ring == 2:
            near = rows
            rows = (rows @ graph).tocsr()
            rows = rows - rows.multiply(near > 0)
            rows.eliminate_zeros()
        own, null = (ring_percentile(table, known, rows, before[at], after[at]) for table in tables)
        there = ~np.isnan(own)
        if there.any():
            found.append(mean_figure(
                f"percentile in ring {ring}", own[there], null=float(null[there].mean()), toward="above",
                note=f"For targets {ring} step(s) from the last item: the share of that ring less like it than they are"
                f" (at most {SAMPLE:,} cases). Null: features permuted.",
            ))  # fmt: skip
    return found
