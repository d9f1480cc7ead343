"""Memorization and generalization: was the transition to the target seen in train, or can it be composed of others?

The kinds are those of "How Well Does Generative Recommendation Generalize?" (arXiv:2603.19809), as implemented by its
authors. Write u ->h v for "in some train history v comes at most h events after u". A case with target v is memorized
if u ->1 v for its last item u. Otherwise a kind applies at h hops if, for some u of its last h items:

- symmetry: v ->h u.
- transitivity: u ->h x and x ->h v for some item x.
- second-order symmetry: for some x, v ->h x ->h u, or v ->h x and u ->h x, or x ->h v and x ->h u.
- substitutability: u ->h v itself, from h = 2: other items may lie between the two, or replace u.

Kinds overlap in the paper. `generalization_kinds` assigns each case the kind with the fewest hops, ties in the order
of KINDS, which is by number of train pairs required.
"""
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.data import Split
from workbench.data.graph import binary_adjacency, edge_weights, last_items, rows_share_column, transitions
from workbench.diagnose.data.branching import train_graph
from workbench.errors import UserError
from workbench.evaluate.intervals import mean_interval

KINDS = ("substitutability", "symmetry", "transitivity", "second-order symmetry")
MEMORIZED, REST = "memorized", "rest"
HOPS = 4
ROWS = 2048  # cases at a time


def generalization_hops(split: Split, *, hops: int = HOPS) -> pd.DataFrame:
    """(C, 1 + kinds) int8: the fewest hops at which memorization and each of KINDS apply to a test case, 0 if none
    within `hops`. A memorized case has no other kind. UserError without transitions, or for hops below 1."""
    if hops < 1:
        raise UserError(f"hops must be at least 1, not {hops}")
    train_graph(split)
    histories, target = split.test.histories, split.test.targets.astype(np.int64)
    context = [last_items(histories, age) for age in range(hops)]
    hops_by_kind = pd.DataFrame(np.zeros((len(target), 1 + len(KINDS)), np.int8), columns=[MEMORIZED, *KINDS])
    for hop in range(1, hops + 1):
        forward = binary_adjacency(transitions(split.train, split.n_items, window=hop, decay=0.0))
        if hop == 1:
            hops_by_kind[MEMORIZED] = (edge_weights(forward, context[0], target) > 0).astype(np.int8)
        backward = binary_adjacency(forward.T.tocsr())
        for kind in KINDS:
            unassigned = (hops_by_kind[MEMORIZED].to_numpy() == 0) & (hops_by_kind[kind].to_numpy() == 0)
            for source in context[:hop]:
                at = np.flatnonzero(unassigned & (source > 0))
                new = at[_applies(kind, forward, backward, source[at], target[at])]
                hops_by_kind.loc[new, kind] = hop
                unassigned[new] = False
    return hops_by_kind


def _applies(kind: str, forward: csr_matrix, backward: csr_matrix, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """(n,) bool: whether a kind applies to pairs (u, v) in the graph `forward`, whose transpose is `backward`."""
    if kind == "substitutability":
        return edge_weights(forward, u, v) > 0
    if kind == "symmetry":
        return edge_weights(forward, v, u) > 0
    applies = np.zeros(len(u), bool)
    for start in range(0, len(u), ROWS):
        a, b = u[start : start + ROWS], v[start : start + ROWS]
        if kind == "transitivity":
            hit = rows_share_column(forward[a], backward[b])
        else:
            hit = rows_share_column(forward[b], backward[a])
            for one in (forward, backward):
                left = np.flatnonzero(~hit)
                hit[left] = rows_share_column(one[b[left]], one[a[left]])
        applies[start : start + ROWS] = hit
    return applies


def generalization_kinds(hops_by_kind: pd.DataFrame) -> np.ndarray:
    """(C,) str from `generalization_hops`: memorized, one of KINDS, or rest. The kind with the fewest hops, ties
    in the order of KINDS."""
    hops = hops_by_kind[list(KINDS)].to_numpy()
    first = np.where(hops > 0, hops, np.iinfo(np.int8).max).argmin(axis=1)
    name = np.where((hops > 0).any(axis=1), np.array(KINDS)[first], REST)
    return np.where(hops_by_kind[MEMORIZED].to_numpy() > 0, MEMORIZED, name)


def kind_shares(hops_by_kind: pd.DataFrame) -> pd.DataFrame:
    """One row per kind, and the rest: share of cases to which it applies (`holds`; kinds overlap), share that first
    does at each number of hops, and share that is assigned to it (`labelled`)."""
    assigned, deepest = generalization_kinds(hops_by_kind), int(hops_by_kind.to_numpy().max(initial=1))
    rows = {}
    for kind in (MEMORIZED, *KINDS, REST):
        hops = hops_by_kind[kind].to_numpy() if kind in hops_by_kind else np.zeros(len(hops_by_kind), np.int8)
        holds = float((hops > 0).mean()) if kind in hops_by_kind else float((assigned == REST).mean())
        at = {f"at {hop}": float((hops == hop).mean()) for hop in range(1, deepest + 1)}
        rows[kind] = {"holds": holds, **at, "labelled": float((assigned == kind).mean())}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("kind")


def metric_by_kind(values_by_system: dict[str, np.ndarray], kinds: np.ndarray) -> pd.DataFrame:
    """Mean per-case metric (C,) of each system for each kind (C,) of cases, and over all cases: mean, low, high (95 %
    bootstrap), n, and share of the cases. Indexed by kind and system; "all" is first, then by size.

    UserError if a system has another number of cases.
    """
    _check_lengths(values_by_system, len(kinds))
    names, counts = np.unique(kinds, return_counts=True)
    masks = {"all": np.ones(len(kinds), bool)} | {str(name): kinds == name for name in names[np.argsort(-counts)]}
    rows = [
        (kind, system, values[mask].mean(), *mean_interval(np.asarray(values[mask], np.float64)), int(mask.sum()))
        for kind, mask in masks.items()
        for system, values in values_by_system.items()
    ]
    table = pd.DataFrame(rows, columns=["kind", "system", "mean", "low", "high", "n"])
    return table.assign(share=table["n"] / len(kinds)).set_index(["kind", "system"])


def _check_lengths(values_by_system: dict[str, np.ndarray], n: int) -> None:
    for system, values in values_by_system.items():
        if len(values) != n:
            raise UserError(f"{system} has {len(values)} cases, but {n} are labelled: evaluate it on the same test set")
