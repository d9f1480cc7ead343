"""The test cases that no shortcut reaches, and whether systems keep their order there."""
import numpy as np
import pandas as pd

from workbench.data import Split
from workbench.data.paths import last_items
from workbench.diagnose.card import Card, Figure
from workbench.diagnose.rings import target_distances
from workbench.diagnose.smooth import NEAREST, places, usable
from workbench.errors import UserError
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

    popularity: (C,) train count of each target. Figures: tau, Kendall's tau of the two orders with a bootstrap interval
    over cases, its null being the mean over PLACEBOS random subsets of the same size and popularity; and the share of
    these with a tau as low. Table `order`: mean and place of each system on all cases, on the hard ones, and on the
    random ones; `placebo`: the tau of each random subset. UserError for fewer than two systems, or no hard case.
    """
    if len(values_by_system) < 2:
        raise UserError(f"an order needs at least two systems, not {len(values_by_system)}", code=3)
    if len({len(mask), len(popularity), *map(len, values_by_system.values())}) > 1:
        raise UserError("the systems, the mask and the popularity must be about the same cases")
    if not mask.any():
        raise UserError("the hard subset is empty: a shortcut reaches every test case", code=3)
    values = np.stack([np.asarray(rows, np.float64) for rows in values_by_system.values()])
    whole, few = values.mean(axis=1), values[:, mask].mean(axis=1)
    subsets = matched(mask, popularity, draws=PLACEBOS, seed=seed)
    others = values @ subsets.T.astype(np.float64) / mask.sum()
    placebo, own = tau(np.repeat(whole[:, None], PLACEBOS, axis=1), others), float(tau(whole, few))
    low, high = np.quantile(_resampled(values, mask, stream(seed, "order on the hard subset")), [0.025, 0.975])
    as_low = float((1 + (placebo <= own).sum()) / (PLACEBOS + 1))
    table = pd.DataFrame({"all": whole, "hard": few, "random": others.mean(axis=1)}, index=list(values_by_system))
    for column in ("all", "hard", "random"):
        table[f"place on {column}"] = table[column].rank(ascending=False, method="min").astype(int)
    note = f"Kendall's tau of the order of {len(values)} systems on the {mask.sum():,} hard cases and on all. "
    return Card(
        (
            Figure(
                "tau on the hard subset", own, float(low), float(high), float(placebo.mean()), "below", int(mask.sum()),
                note + "Null: random subsets whose targets are as popular.",
            ),
            Figure(
                "random subsets with a tau as low", as_low, null=0.05, toward="below", n=PLACEBOS,
                note="Share of the random subsets, and the hard one, on which the order changes at least as much.",
            ),
        ),
        {"order": table.sort_values("all", ascending=False).rename_axis("system"),
         "placebo": pd.DataFrame({"tau": placebo})},
    )  # fmt: skip


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
