"""Could a few steps in the train graph have found the target? Rings around the last item, and how far the target is.

Ring h of an item holds the items that h directed edges lead to and no fewer. An edge a to b says that b directly
followed a in a train history.
"""
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.data import Split
from workbench.data.graph import FAR, distances, last_items, pair_distances
from workbench.diagnose.data.branching import median_figure, train_graph
from workbench.diagnose.verdict.card import Card, Figure, mean_figure
from workbench.train.rng import stream

BLOCK = 256  # sources at a time: a dense row of the catalogue each
SAMPLE = 1_000  # test cases whose third ring is measured; it is a large part of the catalogue
REWIRINGS = 3  # graphs behind a null


def target_distances(split: Split) -> np.ndarray:
    """(C,) int8 directed steps in the train graph from a test case's last item to its target: 1 to 4, FAR beyond or
    without a path, 0 where the target is the last item and train never repeats it. UserError without transitions."""
    return pair_distances(train_graph(split), last_items(split.test.histories), split.test.targets)


def ring_sizes(graph: csr_matrix, sources: np.ndarray, depth: int) -> np.ndarray:
    """(C, depth) items in rings 1..depth of each source, each distinct source searched once, a block at a time.

    As in `pair_distances`, a source that follows itself is in its own ring 1.
    """
    distinct, back = np.unique(sources, return_inverse=True)
    sizes = np.zeros((len(distinct), depth), np.int64)
    for start in range(0, len(distinct), BLOCK):
        steps = distances(graph, distinct[start : start + BLOCK], depth)
        for ring in range(depth):
            sizes[start : start + BLOCK, ring] = (steps == ring + 1).sum(axis=1)
    sizes[:, 0] += graph.diagonal()[distinct] > 0
    return sizes[back.ravel()]


def drawn_chance(popularity: np.ndarray, sizes: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(C,) the chance that a set of `sizes` (C,) items, drawn one by one in proportion to popularity (I+1,) without
    putting back, holds the target (C,).

    Each item is given an exponential clock of that rate and the set is what has rung by the time at which so many have
    rung on average: exact in large catalogues, and it needs no draw.
    """
    share = popularity / popularity.sum()
    times = np.concatenate([[0.0], np.geomspace(1e-2, 1e9, 400)])
    levels, count = np.unique(popularity, return_counts=True)
    rung = (1 - np.exp(-np.outer(times, levels / popularity.sum()))) @ count
    return 1 - np.exp(-np.interp(sizes, rung, times) * share[targets])


def ring_coverage(split: Split, *, seed: int = 0) -> Card:
    """How many test targets lie in rings 1, 2 and 3 of the last item, against sets of the same size drawn by
    popularity.

    Figures per ring h: CR_h (share of targets at exactly h steps), lift_h (CR_h over its null), size_h (median ring);
    for h of 2 and 3 also CR_<=h. A list that puts the target first wherever the rings up to h hold it has recall and
    NDCG of exactly CR_<=h: the ceiling of any heuristic on them. Table `rings` holds all of it, and uniform, what
    a set of the same size drawn evenly would hold: where that is above the null, what was popular in train is no longer
    asked for, and lift flatters. The third ring is measured on SAMPLE test cases. UserError if train has no transition.
    """
    graph, source, targets = train_graph(split), last_items(split.test.histories), split.test.targets
    steps, counts = pair_distances(graph, source, targets), split.train_counts()
    some = np.sort(stream(seed, "third rings").permutation(len(targets))[:SAMPLE])
    near, third = ring_sizes(graph, source, 2), ring_sizes(graph, source[some], 3)[:, 2]
    rings = [(near[:, 0], targets), (near[:, 1], targets), (third, targets[some])]
    figures, rows, missing, so_far = [], [], {}, 0.0
    for ring, (sizes, asked) in enumerate(rings, start=1):
        null = float(drawn_chance(counts, sizes, asked).mean())
        hit = (steps == ring).astype(float)
        covered = mean_figure(
            f"CR_{ring}", hit, null=null, toward="above",
            note=f"Share of test targets exactly {ring} step(s) from the last item. Null: as many items by popularity.",
        )  # fmt: skip
        there = covered if len(asked) == len(hit) else mean_figure(f"CR_{ring}", hit[some])  # the null's
        lift = [end / null if null else np.nan for end in (there.value, there.low, there.high)]
        middle = median_figure(f"size_{ring}", sizes, note=f"Items in ring {ring} of the middle test case's last item.")
        figures.append(covered)
        if null:
            said = f"CR_{ring} over that of a set of the same size drawn by popularity."
            figures.append(Figure(f"lift_{ring}", *lift, 1.0, "above", len(asked), said))
        else:
            missing[f"lift_{ring}"] = f"ring {ring} is empty, or no target occurs in train: chance would hold none"
        figures.append(middle)
        so_far += covered.value
        if ring > 1:
            within = ((steps >= 1) & (steps <= ring)).astype(float)
            figures.append(mean_figure(
                f"CR_<={ring}", within, note=f"Recall and NDCG of a perfect ranking of rings 1 to {ring}: a ceiling.",
            ))  # fmt: skip
        rows.append((ring, covered.value, so_far, middle.value, float(sizes.mean()), null, lift[0],
                     float(sizes.mean() / split.n_items)))  # fmt: skip
    columns = ["ring", "coverage", "ceiling", "median_size", "mean_size", "null", "lift", "uniform"]
    return Card(tuple(figures), {"rings": pd.DataFrame(rows, columns=columns).set_index("ring")}, missing)


def rewired(graph: csr_matrix, rng: np.random.Generator) -> csr_matrix:
    """The same graph with the ends of its edges dealt anew: each item has as many edges out and in as before, but for
    the few that are dealt twice and become one."""
    before = np.repeat(np.arange(graph.shape[0]), np.diff(graph.indptr))
    return csr_matrix((np.ones(graph.nnz), (before, rng.permutation(graph.indices))), shape=graph.shape)


def transition_coverage(split: Split, *, seed: int = 0) -> Card:
    """Share of test pairs (last item, target) whose shortest train path has 1, 2, 3, 4 steps, or more (TC_inf), each
    against graphs with as many edges in and out of each item, dealt anew.

    Table `paths`: share and null, with a row for targets that are the last item. UserError without transitions.
    """
    graph, source, targets = train_graph(split), last_items(split.test.histories), split.test.targets
    own = pair_distances(graph, source, targets)
    rng = stream(seed, "rewired graph")
    dealt = [pair_distances(rewired(graph, rng), source, targets) for _ in range(REWIRINGS)]
    null = np.mean([np.bincount(steps, minlength=FAR + 1) for steps in dealt], axis=0) / len(own)
    figures = []
    for steps in range(1, FAR + 1):
        name = "inf" if steps == FAR else str(steps)
        what = "with no train path of at most 4 steps" if steps == FAR else f"whose shortest train path has {steps}"
        figures.append(mean_figure(
            f"TC_{name}", (own == steps).astype(float), null=float(null[steps]), toward="above" if steps == 1 else "",
            note=f"Share of test pairs (last item, target) {what}. Null: edges dealt anew, as many of each item.",
        ))  # fmt: skip
    share = np.bincount(own, minlength=FAR + 1) / len(own)
    table = pd.DataFrame({"share": share, "null": null}, index=["same item", "1", "2", "3", "4", "inf"])
    return Card(tuple(figures), {"paths": table.rename_axis("steps")})


def path(follows: csr_matrix, source: int, target: int, *, depth: int = 3) -> list[int]:
    """The items of a shortest way along directed edges from source to target, both included; [] where none of at most
    `depth` edges leads there. Of several shortest ways the one whose rarest edge is the most frequent, then that
    through lower ids.

    follows: (I+1, I+1) counts of transitions. A way starts with an edge: from an item to itself it is a loop or a
    round trip.
    """
    widest, layers = {source: np.inf}, []
    for _ in range(depth):
        reached = _step(follows, widest)
        layers.append(reached)
        if target in reached:
            return _back(layers, source, target)
        widest = {item: width for item, (width, _) in reached.items()}
    return []


def _step(follows: csr_matrix, widest: dict[int, float]) -> dict[int, tuple[float, int]]:
    """From items with the width of the way to each: those one edge on, with width and the item before."""
    items = np.array(sorted(widest))
    rows = follows[items]
    before = np.repeat(items, np.diff(rows.indptr))
    width = np.minimum(rows.data, np.repeat([widest[item] for item in items], np.diff(rows.indptr)))
    order = np.lexsort((before, -width, rows.indices))
    after, at = np.unique(rows.indices[order], return_index=True)
    best = order[at]
    return {int(item): (float(width[i]), int(before[i])) for item, i in zip(after, best)}


def _back(layers: list[dict[int, tuple[float, int]]], source: int, target: int) -> list[int]:
    way = [target]
    for layer in reversed(layers):
        way.append(layer[way[-1]][1])
    return way[::-1]
