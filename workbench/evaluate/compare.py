"""Put runs side by side: paired by case, with bootstrap intervals, corrected for many looks, under one protocol."""
import numpy as np
import pandas as pd

from workbench.data.protocol import differing
from workbench.errors import UserError, unknown
from workbench.evaluate.metrics import DEPTH, parse, per_case

DRAWS = 10_000
DISTINCT = 1_000  # values told apart in a bootstrap
ORDERING = ("split", "ties", "tie_seed")  # protocol fields that order the events anew, and so change their hash


def resampled_means(values: np.ndarray, seed: int = 0) -> np.ndarray:
    """(DRAWS,) bootstrap means of (C,) values. Per-case gains take few distinct values, so a draw is one multinomial
    over those and costs nothing like C random numbers. Where there are more than DISTINCT of them, as of bits or
    likenesses, neighbours are merged into so many groups of equal size, which keep the mean and nearly all variance."""
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) > DISTINCT:
        group = (np.cumsum(counts) - 1) * DISTINCT // len(values)
        start = np.flatnonzero(np.diff(group, prepend=-1))
        merged = np.add.reduceat(counts, start)
        distinct, counts = np.add.reduceat(distinct * counts, start) / merged, merged
    drawn = np.random.default_rng(seed).multinomial(len(values), counts / len(values), size=DRAWS)
    return drawn @ distinct / len(values)


def interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean."""
    low, high = np.quantile(resampled_means(values), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def p_value(values: np.ndarray) -> float:
    """Two-sided bootstrap p-value of "the mean is 0"; never below 1 / (DRAWS + 1)."""
    if not np.any(values):
        return 1.0
    means = resampled_means(values)
    tail = min((means <= 0).sum(), (means >= 0).sum())
    return float(min(1.0, 2 * (tail + 1) / (DRAWS + 1)))


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down correction of p-values.

    >>> holm(np.array([0.01, 0.04, 0.03]))
    array([0.03, 0.06, 0.06])
    """
    p = np.asarray(p, np.float64)
    order = np.argsort(p, kind="stable")
    corrected = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    out = np.empty(len(p))
    out[order] = np.minimum(corrected, 1)
    return out


def smallest_effect(values: np.ndarray) -> float:
    """The smallest mean difference these paired cases would show with 80 % power at the 5 % level (normal theory):
    2.80 standard errors, Bloom 1995."""
    return float(2.802 * values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def same_protocol(runs: list) -> None:
    """UserError if two runs differ in protocol, data or cases: their numbers answer different questions."""
    first = runs[0]
    for run in runs[1:]:
        fields = differing(first.info["protocol"], run.info["protocol"])
        for name in ("dataset", "data_hash", "users"):
            if first.info.get(name) != run.info.get(name):
                fields.append(name)
        if fields:
            raise UserError(
                f"{first.system} and {run.system} differ in {', '.join(fields)}, so their numbers cannot be compared; "
                "contrast(by=...) sets such numbers side by side"
            )


def places(run, metric: str) -> np.ndarray:
    """(C,) a metric per case; UserError if it looks deeper than the lists of the run went."""
    if parse(metric)[1] > run.info.get("depth", DEPTH):
        raise UserError(f"{metric}: {run.label} was evaluated to depth {run.info.get('depth', DEPTH)} only")
    return per_case(metric, run.ranks, run.groups)


def by_system(runs: list, metric: str) -> dict[str, np.ndarray]:
    """Per system, the per-case values of its seeds: (seeds, C). A seed given twice counts once. UserError where one
    label stands for two recipes, as a workshop and a paper run of one system do."""
    values: dict[str, dict[int, np.ndarray]] = {}
    made: dict[str, list] = {}
    for run in runs:
        how = [run.info.get("settings"), run.info.get("recipe")]
        if made.setdefault(run.label, how) != how:
            raise UserError(f"two runs called {run.label} differ in settings or recipe: no seeds of one system")
        values.setdefault(run.label, {})[run.info["seed"]] = places(run, metric)
    return {name: np.stack(list(rows.values())) for name, rows in values.items()}


def compare(runs: list, *, metric: str = "ndcg@10", baseline: str = "") -> pd.DataFrame:
    """One row per system, best first; several seeds of one system are averaged case by case first.

    baseline: a system among the runs; by default the best floor, else the last in rank. Columns: mean, low, high
    (95 % bootstrap), seeds, seed_sd, difference to the baseline with diff_low, diff_high (95 % for all rows together,
    Bonferroni), p (Holm over all rows) and smallest_effect, the difference this many cases could have seen. UserError
    if two protocols differ.
    """
    if not runs:
        raise UserError("compare needs at least one run")
    same_protocol(runs)
    seeds = by_system(runs, metric)
    values = {name: rows.mean(axis=0) for name, rows in seeds.items()}
    ranked = sorted(values, key=lambda name: -values[name].mean())
    floors = [name for name in ranked if any(r.label == name and r.info.get("family") == "baselines" for r in runs)]
    baseline = baseline or (floors or ranked[::-1])[0]
    if baseline not in values:
        raise unknown("baseline", baseline, values)
    rows, level = [], 1 - 0.05 / max(1, len(ranked) - 1)
    for name in ranked:
        difference, own = values[name] - values[baseline], name == baseline
        (low, high), (diff_low, diff_high) = interval(values[name]), interval(difference, level)
        rows.append({
            "system": name, "mean": values[name].mean(), "low": low, "high": high, "seeds": len(seeds[name]),
            "seed_sd": seeds[name].mean(axis=1).std(ddof=1) if len(seeds[name]) > 1 else np.nan,
            "baseline": baseline, "difference": difference.mean(), "diff_low": diff_low, "diff_high": diff_high,
            "p": np.nan if own else p_value(difference),
            "smallest_effect": np.nan if own else smallest_effect(difference),
        })
    table = pd.DataFrame(rows).set_index("system")
    asked = table["p"].notna().to_numpy()
    table.loc[asked, "p"] = holm(table.loc[asked, "p"].to_numpy())
    return table


def contrast(runs: list, *, by: str, metric: str = "ndcg@10") -> pd.DataFrame:
    """Means of a metric, a row per system and a column per value of one protocol field; ranks nothing.

    UserError unless data and protocol are equal but for `by`.
    """
    if not runs:
        raise UserError("contrast needs at least one run")
    for run in runs:
        if by not in run.info["protocol"]:
            raise unknown("protocol field", by, run.info["protocol"])
        others = [f for f in differing(runs[0].info["protocol"], run.info["protocol"]) if f != by]
        same = ["dataset", "options", "users"] + ([] if by in ORDERING else ["data_hash"])
        others += [name for name in same if runs[0].info.get(name) != run.info.get(name)]
        if others:
            raise UserError(f"contrast by {by}: {run.label} also differs in {', '.join(others)}")
    rows = [
        {"system": run.label, by: str(run.info["protocol"][by]), metric: places(run, metric).mean()}
        for run in runs
    ]
    return pd.DataFrame(rows).pivot_table(index="system", columns=by, values=metric, aggfunc="mean", sort=False)
