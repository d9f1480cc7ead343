"""How many items may follow an item, as a number of equally likely ones."""
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.data import Split
from workbench.data.graph import last_items, transitions
from workbench.diagnose.verdict.card import Card, Figure, mean_figure
from workbench.errors import UserError
from workbench.train.rng import stream

BINS = (1, 2, 3, 6, 11, 21, 51)  # lower ends of the groups of sources by how many successors were counted


def median_figure(name: str, values: np.ndarray, **known) -> Figure:
    """The median of per-case values (C,) with the 95 % interval that its order statistics give (binomial, normal
    theory). known: null, toward and note of the Figure. UserError if there is no case."""
    if not len(values):
        raise UserError(f"{name}: no case to measure it on", code=3)
    ordered, n = np.sort(values), len(values)
    low, high = np.clip(np.rint(n / 2 + 0.98 * np.sqrt(n) * np.array([-1, 1])).astype(int), 0, n - 1)
    return Figure(name, float(np.median(ordered)), float(ordered[low]), float(ordered[high]), n=n, **known)


def train_graph(split: Split) -> csr_matrix:
    """(I+1, I+1) how often b directly follows a in train. UserError where nothing follows anything."""
    graph = transitions(split.train, split.n_items)
    if not graph.nnz:
        raise UserError("no transition in train: every train history has at most one event", code=3)
    return graph


def effective(counts: csr_matrix, *, corrected: bool = True) -> np.ndarray:
    """(rows,) effective branching exp(H) of counts (rows, I+1) of what follows, H in nats; NaN for a row of zeros.

    corrected: add the small-sample term (m - 1) / (2 n) to H, with m different successors among n (Miller 1955).

    >>> effective(csr_matrix([[2, 1, 1]]), corrected=False).round(2).tolist()
    [2.83]
    """
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    total = np.bincount(rows, counts.data, minlength=counts.shape[0])
    share = counts.data / total[rows]
    nats = np.bincount(rows, -share * np.log(share), minlength=counts.shape[0])
    with np.errstate(invalid="ignore", divide="ignore"):
        if corrected:
            nats = nats + (np.diff(counts.indptr) - 1) / (2 * total)
        return np.where(total > 0, np.exp(nats), np.nan)


def resampled(counts: csr_matrix, popularity: np.ndarray, rng: np.random.Generator) -> csr_matrix:
    """As many successors for each item as were counted, drawn anew in proportion to popularity (I+1,)."""
    total = np.asarray(counts.sum(axis=1)).ravel().astype(np.int64)
    chance = np.cumsum(popularity) / popularity.sum()
    drawn = np.searchsorted(chance, rng.random(total.sum()), side="right").clip(max=len(popularity) - 1)
    rows = np.repeat(np.arange(len(total)), total)
    return csr_matrix((np.ones(len(rows)), (rows, drawn)), shape=counts.shape)


def branching(split: Split, *, seed: int = 0) -> Card:
    """Effective branching of the last items of the test cases, and how dense the train graph is.

    Figures: branching mean and median, over cases, against the same counts with successors drawn by popularity; out-
    degree mean and median, over items with an out-edge; the share of edges seen once; and of test cases whose last
    item has no out-edge, which the branching leaves out. Table `branching`: a row a group of sources by successors
    counted. UserError if train has no transition, or none after the last item of a test case.
    """
    graph, source = train_graph(split), last_items(split.test.histories)
    degree, total = np.diff(graph.indptr), np.asarray(graph.sum(axis=1)).ravel()
    by_chance = resampled(graph, split.train_counts(), stream(seed, "branching"))
    own, chance = (effective(counts)[source] for counts in (graph, by_chance))
    plain, bare = (effective(counts, corrected=False)[source] for counts in (graph, by_chance))
    known = ~np.isnan(own)
    if not known.any():
        raise UserError("nothing came in train after the last item of any test case", code=3)
    drawn = "Null: as many successors drawn by popularity."
    figures = (
        mean_figure(
            "effective branching, mean", own[known], null=float(chance[known].mean()), toward="below",
            note=f"Number of equally likely items that would follow a test case's last item as evenly. {drawn}",
        ),
        median_figure(
            "effective branching, median", own[known], null=float(np.median(chance[known])), toward="below",
            note=f"The same for the middle test case. {drawn}",
        ),
        mean_figure(
            "branching of the counts, mean", plain[known], null=float(bare[known].mean()), toward="below",
            note=f"The mean without the small-sample term of the entropy. {drawn}",
        ),
        median_figure(
            "branching of the counts, median", plain[known], null=float(np.median(bare[known])), toward="below",
            note=f"The median without the small-sample term of the entropy. {drawn}",
        ),
        Figure(
            "out-degree, mean", float(degree[degree > 0].mean()), n=int((degree > 0).sum()),
            note="Different items that follow an item in train, over items that anything follows.",
        ),
        Figure(
            "out-degree, median", float(np.median(degree[degree > 0])), n=int((degree > 0).sum()),
            note="The same for the middle item.",
        ),
        Figure(
            "edges seen once", float((graph.data == 1).mean()), n=graph.nnz,
            note="Share of the edges of the train graph that one train pair stands for.",
        ),
        mean_figure(
            "sources without an out-edge", (degree[source] == 0).astype(float),
            note="Share of test cases after whose last item nothing came in train.",
        ),
    )  # fmt: skip
    return Card(figures, {"branching": _by_count(total[source][known], own[known], chance[known])})


def _by_count(total: np.ndarray, own: np.ndarray, chance: np.ndarray) -> pd.DataFrame:
    group = np.searchsorted(BINS, total, side="right") - 1
    table = pd.DataFrame({"group": group, "branching": own, "null": chance, "successors": total})
    found = table.groupby("group").agg(
        cases=("branching", "size"), successors=("successors", "mean"), branching=("branching", "mean"),
        median=("branching", "median"), null=("null", "mean"),
    )  # fmt: skip
    names = [f"{low}" if high == low + 1 else f"{low}-{high - 1}" for low, high in zip(BINS, BINS[1:])]
    names.append(f"{BINS[-1]}+")
    return found.rename(index=dict(enumerate(names))).rename_axis("successors counted")
