"""Effective branching: the number of equally likely next items after an item, exp of the transition entropy."""
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.data import Split
from workbench.data.graph import last_items, transitions
from workbench.diagnose.verdict.card import Card, Figure, mean_figure
from workbench.errors import UserError
from workbench.train.rng import named_rng

BINS = (1, 2, 3, 6, 11, 21, 51)  # lower bounds of the groups of source items by number of observed transitions


def median_figure(name: str, values: np.ndarray, **fields) -> Figure:
    """The median of per-case values (C,) with its 95 % interval from order statistics (normal approximation of the
    binomial). fields: null, direction and note of the Figure. UserError if there is no case."""
    if not len(values):
        raise UserError(f"{name}: no case to measure it on", code=3)
    ordered, n = np.sort(values), len(values)
    low, high = np.clip(np.rint(n / 2 + 0.98 * np.sqrt(n) * np.array([-1, 1])).astype(int), 0, n - 1)
    return Figure(name, float(np.median(ordered)), float(ordered[low]), float(ordered[high]), n=n, **fields)


def train_graph(split: Split) -> csr_matrix:
    """(I+1, I+1) transition counts in train: how often b directly follows a. UserError if there is no transition."""
    graph = transitions(split.train, split.n_items)
    if not graph.nnz:
        raise UserError("no transition in train: every train history has at most one event", code=3)
    return graph


def effective_branching(counts: csr_matrix, *, corrected: bool = True) -> np.ndarray:
    """(rows,) effective branching exp(H) of successor counts (rows, I+1), H the entropy in nats; NaN for a row of
    zeros.

    corrected: add the bias correction (m - 1) / (2 n) to H, with m distinct successors among n (Miller, 1955).

    >>> effective_branching(csr_matrix([[2, 1, 1]]), corrected=False).round(2).tolist()
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


def resample_successors(counts: csr_matrix, popularity: np.ndarray, rng: np.random.Generator) -> csr_matrix:
    """Transition counts with the same number of successors per item, drawn in proportion to popularity (I+1,)."""
    total = np.asarray(counts.sum(axis=1)).ravel().astype(np.int64)
    chance = np.cumsum(popularity) / popularity.sum()
    drawn = np.searchsorted(chance, rng.random(total.sum()), side="right").clip(max=len(popularity) - 1)
    rows = np.repeat(np.arange(len(total)), total)
    return csr_matrix((np.ones(len(rows)), (rows, drawn)), shape=counts.shape)


def branching(split: Split, *, seed: int = 0) -> Card:
    """Effective branching at the last items of the test cases, and the density of the train graph.

    Figures: branching (with bias correction, and plug-in without it), mean and median over cases; null: the same number
    of successors drawn by popularity. Out-degree, mean and median over items with an out-edge; share of edges observed
    once; share of test cases whose last item has no out-edge, which are excluded. Table `branching`: one row per group
    of source items by number of transitions. UserError if train has no transition from the last item of any test case.
    """
    graph, source = train_graph(split), last_items(split.test.histories)
    degree, total = np.diff(graph.indptr), np.asarray(graph.sum(axis=1)).ravel()
    by_chance = resample_successors(graph, split.train_counts(), named_rng(seed, "branching"))
    own, chance = (effective_branching(counts)[source] for counts in (graph, by_chance))
    plugin, plugin_null = (effective_branching(counts, corrected=False)[source] for counts in (graph, by_chance))
    defined = ~np.isnan(own)
    if not defined.any():
        raise UserError("no last item of a test case has a transition in train", code=3)
    null_note = "Null: the same number of successors drawn by popularity."
    figures = (
        mean_figure(
            "effective branching, mean", own[defined], null=float(chance[defined].mean()), direction="below",
            note=f"exp of the entropy of the items that follow a test case's last item in train. {null_note}",
        ),
        median_figure(
            "effective branching, median", own[defined], null=float(np.median(chance[defined])), direction="below",
            note=f"The median over test cases. {null_note}",
        ),
        mean_figure(
            "plug-in branching, mean", plugin[defined], null=float(plugin_null[defined].mean()), direction="below",
            note=f"The mean without bias correction of the entropy. {null_note}",
        ),
        median_figure(
            "plug-in branching, median",
            plugin[defined], null=float(np.median(plugin_null[defined])), direction="below",
            note=f"The median without bias correction of the entropy. {null_note}",
        ),
        Figure(
            "out-degree, mean", float(degree[degree > 0].mean()), n=int((degree > 0).sum()),
            note="Distinct items that directly follow an item in train, over items with a successor.",
        ),
        Figure(
            "out-degree, median", float(np.median(degree[degree > 0])), n=int((degree > 0).sum()),
            note="The median over the same items.",
        ),
        Figure(
            "edges seen once", float((graph.data == 1).mean()), n=graph.nnz,
            note="Share of the edges of the train graph that were observed once.",
        ),
        mean_figure(
            "sources without an out-edge", (degree[source] == 0).astype(float),
            note="Share of test cases whose last item has no successor in train.",
        ),
    )  # fmt: skip
    return Card(figures, {"branching": _by_count(total[source][defined], own[defined], chance[defined])})


def _by_count(total: np.ndarray, own: np.ndarray, chance: np.ndarray) -> pd.DataFrame:
    group = np.searchsorted(BINS, total, side="right") - 1
    table = pd.DataFrame({"group": group, "branching": own, "null": chance, "successors": total})
    summary = table.groupby("group").agg(
        cases=("branching", "size"), successors=("successors", "mean"), branching=("branching", "mean"),
        median=("branching", "median"), null=("null", "mean"),
    )  # fmt: skip
    names = [f"{low}" if high == low + 1 else f"{low}-{high - 1}" for low, high in zip(BINS, BINS[1:])]
    names.append(f"{BINS[-1]}+")
    return summary.rename(index=dict(enumerate(names))).rename_axis("transitions")
