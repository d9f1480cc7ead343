"""The test cases that no shortcut reaches, and whether systems keep their order there."""
import numpy as np
import pandas as pd

from workbench.data import Split
from workbench.data.graph import last_items
from workbench.diagnose.shortcuts.feature_smoothness import NEAREST, places, usable
from workbench.diagnose.shortcuts.graph_distance import target_distances
from workbench.diagnose.verdict.card import Card, Figure
from workbench.errors import UserError
from workbench.evaluate.compare import interval
from workbench.train.rng import stream

DRAWS = 1_000  # bootstrap samples behind an interval of tau
PLACEBOS = 200  # random subsets beside the hard one
BINS = 20  # groups of cases by popularity of the target


def hard(split: Split, vectors: np.ndarray | None = None) -> np.ndarray:
    """(C,) bool: test cases whose target is more than two steps from the last item in the train graph and, given item
    vectors (I+1, D), is not among the NEAREST most like it. A target or last item without a vector is not near.

    UserError if train has no transition or no case has vectors.
    """
    steps = target_distances(split)
    far = steps > 2
    if vectors is not None:
        table, known, asked = usable(split, vectors)
        at = np.flatnonzero(asked & far)
        before = last_items(split.test.histories)[at]
        far[at] = places(table, known, before, split.test.targets[at].astype(np.int64)) > NEAREST
    return far


def matched(mask: np.ndarray, popularity: np.ndarray, *, draws: int = 1, seed: int = 0) -> np.ndarray:
    """(draws, C) bool: random subsets of all cases, of the size of `mask` (C,) and with as many cases as it has in each
    of BINS groups of equal size by popularity (C,) of the target."""
    rng = stream(seed, "matched subsets")
    order = np.lexsort((rng.random(len(mask)), popularity))
    group = np.empty(len(mask), np.int64)
    group[order] = np.arange(len(mask)) * BINS // len(mask)
    wanted = np.bincount(group[mask], minlength=BINS)
    first = np.cumsum(np.bincount(group, minlength=BINS)) - np.bincount(group, minlength=BINS)
    found = np.zeros((draws, len(mask)), bool)
    for row in found:
        mixed = np.lexsort((rng.random(len(mask)), group))
        row[mixed] = np.arange(len(mask)) - first[group[mixed]] < wanted[group[mixed]]
    return found


def tau(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(...,) Kendall's tau-a of the orders of systems along the first axis: pairs in the same order less pairs in the
    other, over all pairs; a tie in one of them counts neither way.

    >>> tau(np.array([1, 2, 3]), np.array([1, 3, 2])).round(2).item()
    0.33
    """
    first, second = np.triu_indices(len(a), 1)
    return (np.sign(a[first] - a[second]) * np.sign(b[first] - b[second])).mean(axis=0)


def order_on(
    values_by_system: dict[str, np.ndarray], mask: np.ndarray, *, popularity: np.ndarray, seed: int = 0
) -> Card:
    """Do systems, by per-case values (C,) of one metric, rank on the hard cases (C,) bool as they do on all?

    popularity: (C,) train count of each target. Give it systems that could be right there: what ranks near items first
    is not. Figures: tau, Kendall's tau of the two orders with a bootstrap interval over cases, its null being the mean
    over PLACEBOS random subsets of the same size and popularity, which is about targets and not about how many hits
    there are; and the lead, on the hard cases, of the best system there over the best of all cases, with an interval
    that is corrected for as many systems. Table `order`: mean and place of each system on all cases, on the hard ones,
    and on the random ones, and hits on the hard ones; `placebo`: the tau of each random subset. UserError for fewer
    than two systems, or no hard case.
    """
    if len(values_by_system) < 2:
        raise UserError(f"an order needs at least two systems, not {len(values_by_system)}", code=3)
    if len({len(mask), len(popularity), *map(len, values_by_system.values())}) > 1:
        raise UserError("the systems, the mask and the popularity must be about the same cases")
    if not mask.any():
        raise UserError("the hard subset is empty: a shortcut comes near every test case", code=3)
    values = np.stack([np.asarray(rows, np.float64) for rows in values_by_system.values()])
    subsets = matched(mask, popularity, draws=PLACEBOS, seed=seed)
    others = values @ subsets.T.astype(np.float64) / mask.sum()
    table = pd.DataFrame(
        {"all": values.mean(axis=1), "hard": values[:, mask].mean(axis=1), "random": others.mean(axis=1)},
        index=pd.Index(list(values_by_system), name="system"),
    )
    placebo = tau(np.repeat(table["all"].to_numpy()[:, None], PLACEBOS, axis=1), others)
    figures = _tau_figure(values, mask, table, float(placebo.mean()), seed), _lead_figure(values_by_system, mask, table)
    for column in ("all", "hard", "random"):
        table[f"place on {column}"] = table[column].rank(ascending=False, method="min").astype(int)
    table["hits"] = (values[:, mask] > 0).sum(axis=1)
    tables = {"order": table.sort_values("all", ascending=False), "placebo": pd.DataFrame({"tau": placebo})}
    return Card(figures, tables)


def _tau_figure(values: np.ndarray, mask: np.ndarray, table: pd.DataFrame, null: float, seed: int) -> Figure:
    own = float(tau(table["all"].to_numpy(), table["hard"].to_numpy()))
    low, high = np.quantile(_resampled(values, mask, stream(seed, "order on the hard subset")), [0.025, 0.975])
    return Figure("tau on the hard subset", own, float(low), float(high), null, "", int(mask.sum()),
                  f"Kendall's tau of the order of {len(values)} systems on the hard cases and on all. Null: random "
                  "subsets whose targets are as popular, whatever their hits.")  # fmt: skip


def _lead_figure(values_by_system: dict[str, np.ndarray], mask: np.ndarray, table: pd.DataFrame) -> Figure:
    best, here = table["all"].idxmax(), table["hard"].idxmax()
    lead = (values_by_system[here] - values_by_system[best])[mask]
    low, high = interval(lead, 1 - 0.05 / (len(table) - 1))
    return Figure("lead on the hard subset", float(lead.mean()), low, high, 0.0, "above", int(mask.sum()),
                  f"By how much {here}, the best system on the hard cases, is ahead there of {best}, the best on all.")


def _resampled(values: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(DRAWS,) tau of both orders when the cases are drawn again; hard ones and others in turn, as each has its own
    part in the two means."""
    sums = []
    for part in (values[:, mask], values[:, ~mask]):
        n = part.shape[1]
        drawn = [
            np.bincount(rng.integers(0, n, n), minlength=n) @ part.T if n else np.zeros(len(part)) for _ in range(DRAWS)
        ]
        sums.append(np.stack(drawn, axis=1))
    return tau(sums[0] + sums[1], sums[0])
