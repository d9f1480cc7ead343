"""The hard subset: test cases beyond all shortcuts, and whether the ranking of systems holds there."""
import numpy as np
import pandas as pd

from workbench.data import Split
from workbench.data.graph import last_items
from workbench.diagnose.shortcuts.feature_smoothness import NEAREST, eligible_cases, similarity_ranks
from workbench.diagnose.shortcuts.graph_distance import target_distances
from workbench.diagnose.verdict.card import Card, Figure
from workbench.errors import UserError
from workbench.evaluate.intervals import mean_interval
from workbench.train.rng import named_rng

DRAWS = 1_000  # bootstrap resamples for the interval of tau
RANDOM_SUBSETS = 200  # popularity-matched random subsets for the null
BINS = 20  # groups of cases by popularity of the target


def hard_cases(split: Split, vectors: np.ndarray | None = None) -> np.ndarray:
    """(C,) bool: test cases whose target is more than 2 hops from the last item in the train graph and, given item
    vectors (I+1, D), not among its NEAREST most similar items. Without a vector, a target is not near.

    UserError if train has no transition or no case has vectors.
    """
    far = target_distances(split) > 2
    if vectors is not None:
        unit_vectors, has_vector, eligible = eligible_cases(split, vectors)
        at = np.flatnonzero(eligible & far)
        before = last_items(split.test.histories)[at]
        far[at] = similarity_ranks(unit_vectors, has_vector, before, split.test.targets[at].astype(np.int64)) > NEAREST
    return far


def popularity_matched_subsets(mask: np.ndarray, popularity: np.ndarray, *, draws: int = 1,
                               seed: int = 0) -> np.ndarray:
    """(draws, C) bool: random subsets of the cases with the size of `mask` (C,) and its number of cases in each of BINS
    equal-sized groups by popularity (C,) of the target."""
    rng = named_rng(seed, "matched subsets")
    order = np.lexsort((rng.random(len(mask)), popularity))
    group = np.empty(len(mask), np.int64)
    group[order] = np.arange(len(mask)) * BINS // len(mask)
    size = np.bincount(group[mask], minlength=BINS)
    first = np.cumsum(np.bincount(group, minlength=BINS)) - np.bincount(group, minlength=BINS)
    subsets = np.zeros((draws, len(mask)), bool)
    for row in subsets:
        mixed = np.lexsort((rng.random(len(mask)), group))
        row[mixed] = np.arange(len(mask)) - first[group[mixed]] < size[group[mixed]]
    return subsets


def kendall_tau(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(...,) Kendall's tau-a of two rankings of systems along the first axis: (concordant - discordant) / all pairs;
    tied pairs count as neither.

    >>> kendall_tau(np.array([1, 2, 3]), np.array([1, 3, 2])).round(2).item()
    0.33
    """
    first, second = np.triu_indices(len(a), 1)
    return (np.sign(a[first] - a[second]) * np.sign(b[first] - b[second])).mean(axis=0)


def ranking_agreement(
    values_by_system: dict[str, np.ndarray], mask: np.ndarray, *, popularity: np.ndarray, seed: int = 0
) -> Card:
    """Agreement of the rankings of systems on all cases and on the hard ones, mask (C,) bool.

    values_by_system: per-case values (C,) of one metric; leave out systems that rank by graph distance or similarity,
    which cannot hit hard cases. popularity: (C,) train count of each target.

    Figures: Kendall's tau of the two rankings with a bootstrap interval over cases, null: its mean over RANDOM_SUBSETS
    random subsets with the same size and target popularity (but more hits); and the lead on the hard cases of the best
    system there over the best system overall, with a Bonferroni-corrected interval. Table `ranking`: mean and rank of
    each system on all, hard and random cases, 95 % bounds of the first two (all low ...), and hits on the hard ones;
    `random subsets`: tau of each. UserError for fewer than two systems, or no hard case.
    """
    if len(values_by_system) < 2:
        raise UserError(f"a ranking needs at least two systems; got {len(values_by_system)}", code=3)
    if len({len(mask), len(popularity), *map(len, values_by_system.values())}) > 1:
        raise UserError("the systems, the mask and the popularity must have the same cases")
    if not mask.any():
        raise UserError("the hard subset is empty: every target is near the last item", code=3)
    values = np.stack([np.asarray(rows, np.float64) for rows in values_by_system.values()])
    subsets = popularity_matched_subsets(mask, popularity, draws=RANDOM_SUBSETS, seed=seed)
    random_means = values @ subsets.T.astype(np.float64) / mask.sum()
    table = pd.DataFrame(
        {"all": values.mean(axis=1), "hard": values[:, mask].mean(axis=1), "random": random_means.mean(axis=1)},
        index=pd.Index(list(values_by_system), name="system"),
    )
    null = kendall_tau(np.repeat(table["all"].to_numpy()[:, None], RANDOM_SUBSETS, axis=1), random_means)
    figures = _tau_figure(values, mask, table, float(null.mean()), seed), _lead_figure(values_by_system, mask, table)
    for column in ("all", "hard", "random"):
        table[f"rank on {column}"] = table[column].rank(ascending=False, method="min").astype(int)
    for column, measured in (("all", values), ("hard", values[:, mask])):
        table[f"{column} low"], table[f"{column} high"] = zip(*map(mean_interval, measured))
    table["hits"] = (values[:, mask] > 0).sum(axis=1)
    ranking = table.sort_values("all", ascending=False)
    ranking.attrs["cases"] = {"all": len(mask), "hard": int(mask.sum())}
    ranking.attrs["caption"] = (f"Means over n = {len(mask):,} cases, {mask.sum():,} of them hard, and over "
                                f"{RANDOM_SUBSETS} random subsets of as many.")  # fmt: skip
    tables = {"ranking": ranking, "random subsets": pd.DataFrame({"tau": null})}
    return Card(figures, tables)


def _tau_figure(values: np.ndarray, mask: np.ndarray, table: pd.DataFrame, null: float, seed: int) -> Figure:
    own = float(kendall_tau(table["all"].to_numpy(), table["hard"].to_numpy()))
    low, high = np.quantile(_resampled(values, mask, named_rng(seed, "order on the hard subset")), [0.025, 0.975])
    return Figure("tau on the hard subset", own, float(low), float(high), null, "", int(mask.sum()),
                  f"Kendall's tau between the rankings of {len(values)} systems on the hard cases and on all. Null: "
                  "random subsets with equally popular targets.")  # fmt: skip


def _lead_figure(values_by_system: dict[str, np.ndarray], mask: np.ndarray, table: pd.DataFrame) -> Figure:
    best_all, best_hard = table["all"].idxmax(), table["hard"].idxmax()
    lead = (values_by_system[best_hard] - values_by_system[best_all])[mask]
    low, high = mean_interval(lead, 1 - 0.05 / (len(table) - 1))
    note = f"Difference on the hard cases between {best_hard}, the best system there, and {best_all}, the best on all."
    if best_hard == best_all:
        note = f"0: {best_all} is the best system on the hard cases and on all."
    return Figure("lead on the hard subset", float(lead.mean()), low, high, 0.0, "above", int(mask.sum()), note)


def _resampled(values: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(DRAWS,) bootstrap tau of the two rankings, cases resampled within the hard subset and within the rest."""
    sums = []
    for stratum in (values[:, mask], values[:, ~mask]):
        n = stratum.shape[1]
        drawn = [
            np.bincount(rng.integers(0, n, n),
                        minlength=n) @ stratum.T if n else np.zeros(len(stratum)) for _ in range(DRAWS)
        ]
        sums.append(np.stack(drawn, axis=1))
    return kendall_tau(sums[0] + sums[1], sums[0])
