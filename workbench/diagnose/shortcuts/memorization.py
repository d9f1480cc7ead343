"""What a test case asks for: recall of a transition seen in train, or one of the ways to compose it from others.

The kinds are those of "How Well Does Generative Recommendation Generalize?" (arXiv:2603.19809) as its authors' program
tells them. Write u ->h v for "in some train history v comes at most h events after u". A case with target v is
memorised if u ->1 v for its last item u. Otherwise a kind holds at h hops if, for one u of its last h items:

- symmetry: v ->h u.
- transitivity: u ->h x and x ->h v for some item x.
- second-order symmetry: for some x, v ->h x ->h u, or v ->h x and u ->h x, or x ->h v and x ->h u.
- substitutability: u ->h v itself, from h = 2: other items may stand between the two, or in place of u.

The paper lets kinds overlap. `labels` gives each case the first that holds, by hops, and at equal hops in the order of
KINDS, which is that of how many train pairs the kind needs.
"""
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.data import Split
from workbench.data.graph import adjacent, last_items, meets, pattern, transitions
from workbench.diagnose.data.branching import train_graph
from workbench.errors import UserError
from workbench.evaluate.compare import interval

KINDS = ("substitutability", "symmetry", "transitivity", "second-order symmetry")
MEMORISED, REST = "memorised", "rest"
HOPS = 4
ROWS = 2048  # cases at a time


def kinds(split: Split, *, hops: int = HOPS) -> pd.DataFrame:
    """(C, 1 + kinds) int8: the fewest hops at which memorisation and each of KINDS hold of a test case, 0 where it
    does not within `hops`. A memorised case is of no other kind. UserError without transitions, or hops below 1."""
    if hops < 1:
        raise UserError(f"hops must be at least 1, not {hops}")
    train_graph(split)
    histories, target = split.test.histories, split.test.targets.astype(np.int64)
    context = [last_items(histories, age) for age in range(hops)]
    found = pd.DataFrame(np.zeros((len(target), 1 + len(KINDS)), np.int8), columns=[MEMORISED, *KINDS])
    for hop in range(1, hops + 1):
        forth = pattern(transitions(split.train, split.n_items, window=hop, decay=0.0))
        if hop == 1:
            found[MEMORISED] = (adjacent(forth, context[0], target) > 0).astype(np.int8)
        back = pattern(forth.T.tocsr())
        for kind in KINDS:
            open_cases = (found[MEMORISED].to_numpy() == 0) & (found[kind].to_numpy() == 0)
            for source in context[:hop]:
                at = np.flatnonzero(open_cases & (source > 0))
                held = at[_holds(kind, forth, back, source[at], target[at])]
                found.loc[held, kind] = hop
                open_cases[held] = False
    return found


def _holds(kind: str, forth: csr_matrix, back: csr_matrix, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """(n,) bool: whether a kind holds of pairs (u, v) in the graph `forth`, whose transpose is `back`."""
    if kind == "substitutability":
        return adjacent(forth, u, v) > 0
    if kind == "symmetry":
        return adjacent(forth, v, u) > 0
    found = np.zeros(len(u), bool)
    for start in range(0, len(u), ROWS):
        a, b = u[start : start + ROWS], v[start : start + ROWS]
        if kind == "transitivity":
            hit = meets(forth[a], back[b])
        else:
            hit = meets(forth[b], back[a])
            for one in (forth, back):
                left = np.flatnonzero(~hit)
                hit[left] = meets(one[b[left]], one[a[left]])
        found[start : start + ROWS] = hit
    return found


def labels(found: pd.DataFrame) -> np.ndarray:
    """(C,) str from `kinds`: memorised, one of KINDS, or rest. The kind of the fewest hops; of equals the first."""
    hops = found[list(KINDS)].to_numpy()
    first = np.where(hops > 0, hops, np.iinfo(np.int8).max).argmin(axis=1)
    name = np.where((hops > 0).any(axis=1), np.array(KINDS)[first], REST)
    return np.where(found[MEMORISED].to_numpy() > 0, MEMORISED, name)


def shares(found: pd.DataFrame) -> pd.DataFrame:
    """A row a kind, and the rest: share of the cases of which it holds (kinds overlap), at each number of hops for the
    first time, and the share that it labels."""
    own, deepest = labels(found), int(found.to_numpy().max(initial=1))
    rows = {}
    for kind in (MEMORISED, *KINDS, REST):
        hops = found[kind].to_numpy() if kind in found else np.zeros(len(found), np.int8)
        holds = float((hops > 0).mean()) if kind in found else float((own == REST).mean())
        at = {f"at {hop}": float((hops == hop).mean()) for hop in range(1, deepest + 1)}
        rows[kind] = {"holds": holds, **at, "labelled": float((own == kind).mean())}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("kind")


def by_stratum(values_by_system: dict[str, np.ndarray], strata: np.ndarray) -> pd.DataFrame:
    """Means of a per-case metric (C,) of each system in each stratum (C,), and over all cases: mean, low, high (95 %
    bootstrap), n, and share of the cases. Indexed by stratum and system; "all" comes first, then by size.

    UserError where a system has another number of cases.
    """
    _check_lengths(values_by_system, len(strata))
    names, counts = np.unique(strata, return_counts=True)
    masks = {"all": np.ones(len(strata), bool)} | {str(name): strata == name for name in names[np.argsort(-counts)]}
    rows = [
        (stratum, system, values[mask].mean(), *interval(np.asarray(values[mask], np.float64)), int(mask.sum()))
        for stratum, mask in masks.items()
        for system, values in values_by_system.items()
    ]
    table = pd.DataFrame(rows, columns=["stratum", "system", "mean", "low", "high", "n"])
    return table.assign(share=table["n"] / len(strata)).set_index(["stratum", "system"])


def _check_lengths(values_by_system: dict[str, np.ndarray], n: int) -> None:
    for system, values in values_by_system.items():
        if len(values) != n:
            raise UserError(f"{system} has {len(values)} cases, but {n} are labelled: evaluate it on the same test set")
