"""Distances in the train graph: how many hops from the last item to the target, and how many items lie that near.

An edge a -> b means that b directly follows a in a train history. The items at distance h of an item are those whose
shortest directed path from it has h edges (hops).
"""
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.data import Split
from workbench.data.graph import BEYOND_MAX_HOPS, hop_distances, last_items, pair_hop_distances
from workbench.diagnose.data.branching import median_figure, train_graph
from workbench.diagnose.verdict.card import Card, Figure, mean_figure
from workbench.train.rng import named_rng

BLOCK = 256  # source items at a time, each a dense row of the catalogue
SAMPLE = 1_000  # test cases whose 3-hop neighborhood is measured; it is a large part of the catalogue
REWIRINGS = 3  # rewired graphs behind a null


def target_distances(split: Split) -> np.ndarray:
    """(C,) int8 hops in the train graph from a test case's last item to its target: 1 to 4, BEYOND_MAX_HOPS if farther
    or unreachable, 0 if the target is the last item and train never repeats it. UserError without transitions."""
    return pair_hop_distances(train_graph(split), last_items(split.test.histories), split.test.targets)


def neighborhood_sizes(graph: csr_matrix, sources: np.ndarray, depth: int) -> np.ndarray:
    """(C, depth) number of items at distance 1..depth from each source item (C,).

    As in `pair_hop_distances`, an item that directly follows itself is at distance 1 from itself.
    """
    distinct, inverse = np.unique(sources, return_inverse=True)
    sizes = np.zeros((len(distinct), depth), np.int64)
    for start in range(0, len(distinct), BLOCK):
        hops = hop_distances(graph, distinct[start : start + BLOCK], depth)
        for hop in range(depth):
            sizes[start : start + BLOCK, hop] = (hops == hop + 1).sum(axis=1)
    sizes[:, 0] += graph.diagonal()[distinct] > 0
    return sizes[inverse.ravel()]


def inclusion_probability(popularity: np.ndarray, sizes: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(C,) inclusion probability of each target (C,) in a random set of `sizes` (C,) items, drawn one by one without
    replacement in proportion to popularity (I+1,).

    Poissonized: every item has an exponential arrival time with rate proportional to its popularity, and the set holds
    the arrivals up to the time of `sizes` expected arrivals. Exact in the limit of large catalogues; no sampling.
    """
    share = popularity / popularity.sum()
    times = np.concatenate([[0.0], np.geomspace(1e-2, 1e9, 400)])
    levels, count = np.unique(popularity, return_counts=True)
    arrived = (1 - np.exp(-np.outer(times, levels / popularity.sum()))) @ count
    return 1 - np.exp(-np.interp(sizes, arrived, times) * share[targets])


def hop_coverage(split: Split, *, seed: int = 0) -> Card:
    """Candidate recall in the train graph: the share of test targets at 1, 2 and 3 hops from the last item, against
    sets of the same size drawn by popularity.

    Figures per distance h: CR_h (candidate recall: share of targets at exactly h hops), lift_h (CR_h over its null) and
    size_h (median number of items at h hops); for h of 2 and 3 also CR_<=h (within h hops), the upper bound on recall
    and NDCG of any ranking of the items within h hops. Table `hops` holds these, and `uniform`, the expected coverage
    of a uniformly drawn set of the same size: if it exceeds the null, test targets are less popular than train events,
    and the lift is overstated. Sizes at 3 hops are measured on SAMPLE test cases. UserError if train has no transition.
    """
    graph, source, targets = train_graph(split), last_items(split.test.histories), split.test.targets
    hops, counts = pair_hop_distances(graph, source, targets), split.train_counts()
    sample = np.sort(named_rng(seed, "third rings").permutation(len(targets))[:SAMPLE])
    near, third = neighborhood_sizes(graph, source, 2), neighborhood_sizes(graph, source[sample], 3)[:, 2]
    neighborhoods = [(near[:, 0], targets), (near[:, 1], targets), (third, targets[sample])]
    figures, rows, missing, ceiling = [], [], {}, 0.0
    for hop, (sizes, measured) in enumerate(neighborhoods, start=1):
        null = float(inclusion_probability(counts, sizes, measured).mean())
        hit = (hops == hop).astype(float)
        coverage = mean_figure(
            f"CR_{hop}", hit, null=null, direction="above",
            note=f"Candidate recall: share of targets exactly {hop} hop(s) from the last item. Null: as many items "
                 "drawn by popularity.",
        )  # fmt: skip
        sampled = len(measured) < len(hit)
        numerator = mean_figure(f"CR_{hop}", hit[sample]) if sampled else coverage  # on the cases of the null
        lift = [end / null if null else np.nan for end in (numerator.value, numerator.low, numerator.high)]
        note = f"Items at {hop} hop(s) from the last item, median over test cases."
        size = median_figure(f"size_{hop}", sizes, note=note)
        figures.append(coverage)
        if null:
            note = f"The share of targets at {hop} hop(s) divided by that in as many items drawn by popularity."
            figures.append(Figure(f"lift_{hop}", *lift, 1.0, "above", len(measured), note))
        else:
            missing[f"lift_{hop}"] = f"no item lies at {hop} hops, or no target occurs in train: the null is 0"
        figures.append(size)
        ceiling += coverage.value
        if hop > 1:
            within = ((hops >= 1) & (hops <= hop)).astype(float)
            figures.append(mean_figure(
                f"CR_<={hop}", within,
                note=f"Upper bound on recall and NDCG of any ranking of the items within {hop} hops.",
            ))  # fmt: skip
        rows.append((hop, coverage.value, ceiling, size.value, float(sizes.mean()), null, lift[0],
                     float(sizes.mean() / split.n_items)))  # fmt: skip
    columns = ["hops", "coverage", "ceiling", "median_size", "mean_size", "null", "lift", "uniform"]
    return Card(tuple(figures), {"hops": pd.DataFrame(rows, columns=columns).set_index("hops")}, missing)


def rewire_edges(graph: csr_matrix, rng: np.random.Generator) -> csr_matrix:
    """Configuration-model null: edge targets permuted, which keeps every in- and out-degree, except that duplicate
    edges merge into one with weight 2."""
    before = np.repeat(np.arange(graph.shape[0]), np.diff(graph.indptr))
    return csr_matrix((np.ones(graph.nnz), (before, rng.permutation(graph.indices))), shape=graph.shape)


def transition_coverage(split: Split, *, seed: int = 0) -> Card:
    """Transition coverage TC_h: share of test pairs (last item, target) whose shortest path in the train graph has 1,
    2, 3 or 4 hops, or more (TC_inf). Null: degree-preserving rewired graphs.

    Table `paths`: share and null, with a row for targets that are the last item. UserError without transitions.
    """
    graph, source, targets = train_graph(split), last_items(split.test.histories), split.test.targets
    own = pair_hop_distances(graph, source, targets)
    rng = named_rng(seed, "rewired graph")
    rewired = [pair_hop_distances(rewire_edges(graph, rng), source, targets) for _ in range(REWIRINGS)]
    null = np.mean([np.bincount(hops, minlength=BEYOND_MAX_HOPS + 1) for hops in rewired], axis=0) / len(own)
    figures = []
    for hops in range(1, BEYOND_MAX_HOPS + 1):
        name = "inf" if hops == BEYOND_MAX_HOPS else str(hops)
        what = f"whose shortest path has {hops} hop(s)" if name != "inf" else "without a path of at most 4 hops"
        figures.append(mean_figure(
            f"TC_{name}", (own == hops).astype(float), null=float(null[hops]), direction="above" if hops == 1 else "",
            note=f"Share of test pairs (last item, target) {what} in train. Null: degree-preserving rewired graph.",
        ))  # fmt: skip
    share = np.bincount(own, minlength=BEYOND_MAX_HOPS + 1) / len(own)
    table = pd.DataFrame({"share": share, "null": null}, index=["same item", "1", "2", "3", "4", "inf"])
    return Card(tuple(figures), {"paths": table.rename_axis("hops")})


def widest_shortest_path(follows: csr_matrix, source: int, target: int, *, depth: int = 3) -> list[int]:
    """The items of a shortest directed path from source to target, both included; [] if there is none with at most
    `depth` edges. Among shortest paths, the widest: the one whose rarest edge is most frequent, then lower ids.

    follows: (I+1, I+1) transition counts. A path has at least one edge: from an item to itself it is a cycle.
    """
    widest, layers = {source: np.inf}, []
    for _ in range(depth):
        reached = _expand(follows, widest)
        layers.append(reached)
        if target in reached:
            return _backtrack(layers, source, target)
        widest = {item: width for item, (width, _) in reached.items()}
    return []


def _expand(follows: csr_matrix, widest: dict[int, float]) -> dict[int, tuple[float, int]]:
    """Items one edge beyond those in `widest` (item: width of the widest path to it), each with the width of its widest
    path and its predecessor on that path."""
    items = np.array(sorted(widest))
    rows = follows[items]
    before = np.repeat(items, np.diff(rows.indptr))
    width = np.minimum(rows.data, np.repeat([widest[item] for item in items], np.diff(rows.indptr)))
    order = np.lexsort((before, -width, rows.indices))
    after, at = np.unique(rows.indices[order], return_index=True)
    best = order[at]
    return {int(item): (float(width[i]), int(before[i])) for item, i in zip(after, best)}


def _backtrack(layers: list[dict[int, tuple[float, int]]], source: int, target: int) -> list[int]:
    items = [target]
    for layer in reversed(layers):
        items.append(layer[items[-1]][1])
    return items[::-1]
