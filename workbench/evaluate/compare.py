"""Compare runs under one protocol: paired by case, with bootstrap intervals and multiple-comparison correction."""
import numpy as np
import pandas as pd

from workbench.data.protocol import differing_fields
from workbench.errors import UserError, unknown_name
from workbench.evaluate.evaluated import evaluated_list
from workbench.evaluate.metrics import check_depth, per_case

DRAWS = 10_000  # bootstrap resamples
DISTINCT = 1_000  # distinct values kept in a bootstrap
ORDERING = ("split", "ties", "tie_seed")  # protocol fields that change the order of events, and so the data hash


def bootstrap_means(values: np.ndarray, seed: int = 0) -> np.ndarray:
    """(DRAWS,) bootstrap means of (C,) values.

    Per-case metrics take few distinct values, so each draw is one multinomial over those instead of C random numbers.
    With more than DISTINCT of them (bits, cosines), neighbours are merged into DISTINCT groups of equal size, which
    keeps the mean and nearly all of the variance.
    """
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) > DISTINCT:
        group = (np.cumsum(counts) - 1) * DISTINCT // len(values)
        start = np.flatnonzero(np.diff(group, prepend=-1))
        merged = np.add.reduceat(counts, start)
        distinct, counts = np.add.reduceat(distinct * counts, start) / merged, merged
    drawn = np.random.default_rng(seed).multinomial(len(values), counts / len(values), size=DRAWS)
    return drawn @ distinct / len(values)


def bootstrap_interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of values (C,)."""
    low, high = np.quantile(bootstrap_means(values), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bootstrap_p_value(values: np.ndarray) -> float:
    """Two-sided bootstrap p-value of "the mean is 0"; at least 1 / (DRAWS + 1)."""
    if not np.any(values):
        return 1.0
    means = bootstrap_means(values)
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


def minimum_detectable_effect(values: np.ndarray) -> float:
    """The smallest mean difference that paired differences with this spread, values (C,), detect with 80 % power at the
    5 % level under normal theory: 2.80 standard errors (Bloom, 1995)."""
    return float(2.802 * values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def check_same_protocol(runs: list) -> None:
    """UserError if two runs differ in protocol, dataset or test cases, so that their scores are not comparable."""
    first = runs[0]
    for run in runs[1:]:
        fields = differing_fields(first.info["protocol"], run.info["protocol"])
        for name in ("dataset", "data_hash", "users"):
            if first.info.get(name) != run.info.get(name):
                fields.append(name)
        if fields:
            raise UserError(
                f"{first.system} and {run.system} differ in {', '.join(fields)}, so their numbers cannot be compared; "
                "contrast(by=...) tabulates such numbers side by side"
            )


def _per_case(run, metric: str) -> np.ndarray:
    """(C,) metric of a run per case; UserError if its cutoff exceeds the depth of the evaluated lists."""
    check_depth(metric, run.info.get("depth"), run.label)
    return per_case(metric, run.ranks, run.groups)


def per_case_by_system(runs: list, metric: str) -> dict[str, np.ndarray]:
    """Per system, the per-case values of its seeds: (seeds, C). A duplicate seed counts once. UserError if runs of one
    label differ in settings or recipe, such as a workshop and a paper run of one system."""
    values: dict[str, dict[int, np.ndarray]] = {}
    configs: dict[str, list] = {}
    for run in runs:
        config = [run.info.get("settings"), run.info.get("recipe")]
        if configs.setdefault(run.label, config) != config:
            raise UserError(f"two runs called {run.label} differ in settings or recipe, so they are not seeds of one "
                            "system")  # fmt: skip
        values.setdefault(run.label, {})[run.info["seed"]] = _per_case(run, metric)
    return {name: np.stack(list(rows.values())) for name, rows in values.items()}


def compare(runs: list, *, metric: str = "ndcg@10", baseline: str = "") -> pd.DataFrame:
    """One row per system, best first; seeds of one system are averaged per case first.

    baseline: a system among the runs; by default the best training-free baseline, else the lowest-ranked system.
    Columns: mean, low, high (95 % bootstrap interval), seeds, seed_sd, difference to the baseline with diff_low and
    diff_high (simultaneous 95 % intervals over all rows, Bonferroni), p (Holm-corrected over all rows) and
    minimum_detectable_effect (80 % power). UserError if protocols differ.
    """
    runs = evaluated_list(runs, "compare")
    check_same_protocol(runs)
    seeds = per_case_by_system(runs, metric)
    values = {name: rows.mean(axis=0) for name, rows in seeds.items()}
    ranked = sorted(values, key=lambda name: -values[name].mean())
    baselines = {run.label for run in runs if run.info.get("family") == "baselines"}
    baseline = baseline or ([name for name in ranked if name in baselines] or ranked[::-1])[0]
    if baseline not in values:
        raise unknown_name("baseline", baseline, values)
    rows, level = [], 1 - 0.05 / max(1, len(ranked) - 1)
    for name in ranked:
        difference, own = values[name] - values[baseline], name == baseline
        (low, high), (diff_low, diff_high) = bootstrap_interval(values[name]), bootstrap_interval(difference, level)
        rows.append({
            "system": name, "mean": values[name].mean(), "low": low, "high": high, "seeds": len(seeds[name]),
            "seed_sd": seeds[name].mean(axis=1).std(ddof=1) if len(seeds[name]) > 1 else np.nan,
            "baseline": baseline, "difference": difference.mean(), "diff_low": diff_low, "diff_high": diff_high,
            "p": np.nan if own else bootstrap_p_value(difference),
            "minimum_detectable_effect": np.nan if own else minimum_detectable_effect(difference),
        })  # fmt: skip
    table = pd.DataFrame(rows).set_index("system")
    tested = table["p"].notna().to_numpy()
    table.loc[tested, "p"] = holm(table.loc[tested, "p"].to_numpy())
    return table


def contrast(runs: list, *, by: str, metric: str = "ndcg@10") -> pd.DataFrame:
    """Mean metric with one row per system and one column per value of the protocol field `by`; no ranking, no test.

    UserError if data or protocol differ in anything else.
    """
    runs = evaluated_list(runs, "contrast")
    for run in runs:
        if by not in run.info["protocol"]:
            raise unknown_name("protocol field", by, run.info["protocol"])
        others = [f for f in differing_fields(runs[0].info["protocol"], run.info["protocol"]) if f != by]
        same = ["dataset", "options", "users"] + ([] if by in ORDERING else ["data_hash"])
        others += [name for name in same if runs[0].info.get(name) != run.info.get(name)]
        if others:
            raise UserError(f"contrast by {by}: {run.label} also differs in {', '.join(others)}")
    rows = [
        {"system": run.label, by: str(run.info["protocol"][by]), metric: _per_case(run, metric).mean()}
        for run in runs
    ]
    return pd.DataFrame(rows).pivot_table(index="system", columns=by, values=metric, aggfunc="mean", sort=False)
