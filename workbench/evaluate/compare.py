"""Compare runs under one protocol: paired by case, with intervals over cases and seeds, corrected for their number."""
import numpy as np
import pandas as pd

from workbench.data.protocol import differing_fields
from workbench.errors import UserError, unknown_name
from workbench.evaluate.evaluated import evaluated_list
from workbench.evaluate.intervals import estimate_difference, estimate_mean, mean_interval

ORDERING = ("split", "ties", "tie_seed", "order")  # protocol fields that change the order, and so the data hash
ABOVE, BELOW, EVEN = "above the baseline", "below the baseline", "no difference shown"
BASELINE, UNDERTRAINED = "baseline", "no conclusion"
RISING = "validation still rose when training stopped"
USUAL = 6  # comparisons of a table: the six training-free baselines and one trained system
ONE_SEED = "one seed: its interval leaves training noise out"


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
        values.setdefault(run.label, {})[run.info["seed"]] = run.per_case(metric)
    return {name: np.stack(list(rows.values())) for name, rows in values.items()}


def compare(
    runs: list, *, metric: str = "ndcg@10", baseline: str = "", comparisons: int = 0
) -> pd.DataFrame:
    """One row per system, best first; runs of one label are the seeds of one system.

    baseline: a system among the runs; by default the best training-free baseline, else the lowest-ranked system.
    comparisons: how many comparisons with the baseline the intervals cover together; 0: one per other row, at least
    USUAL, so that a difference has the same interval among two systems and among seven.
    Columns: mean with low and high (95 %), cases, seeds, seed_sd, baseline, difference to the baseline with diff_low
    and diff_high (simultaneous 95 %, Bonferroni), p (corrected, below .05 exactly where that interval leaves 0 out),
    minimum_detectable_effect (80 % power) and verdict, read off diff_low and diff_high. Intervals cover test cases and
    seeds (evaluate.intervals). note: what a row cannot tell, a single seed or a training that stopped too early; the
    second gets no verdict. UserError if protocols differ.
    """
    runs = evaluated_list(runs, "compare")
    check_same_protocol(runs)
    values = per_case_by_system(runs, metric)
    ranked = sorted(values, key=lambda name: -values[name].mean())
    rules = {run.label for run in runs if run.info.get("family") == "baselines"}
    baseline = baseline or ([name for name in ranked if name in rules] or ranked[::-1])[0]
    if baseline not in values:
        raise unknown_name("baseline", baseline, values)
    comparisons, notes = max(comparisons or USUAL, len(ranked) - 1), _notes(runs, values)
    rows = [_row(name, baseline, values, comparisons) | {"note": notes[name]} for name in ranked]
    for row in rows:
        if row["verdict"] != BASELINE and RISING in (row["note"], notes[baseline]):
            row["verdict"] = UNDERTRAINED
    return pd.DataFrame(rows).set_index("system")


def _notes(runs: list, values: dict[str, np.ndarray]) -> dict[str, str]:
    """What each system's row cannot tell, or "". A system that is not trained has no training noise."""
    trained = {run.label for run in runs if run.info.get("curve")}
    notes = {name: ONE_SEED if name in trained and len(rows) == 1 else "" for name, rows in values.items()}
    return notes | {run.label: RISING for run in runs if run.still_rising}


def rising_note(runs: list) -> str:
    """A sentence that names the runs from whose figures nothing follows, because validation still rose; "" for none."""
    names = dict.fromkeys(run.label for run in runs if run.still_rising)
    return f"{', '.join(names)}: {RISING}, so nothing follows from these figures." if names else ""


def _row(name: str, baseline: str, values: dict[str, np.ndarray], comparisons: int) -> dict:
    own, estimate = values[name], estimate_mean(values[name])
    low, high = estimate.interval()
    row = {
        "system": name, "mean": estimate.mean, "low": low, "high": high, "cases": estimate.cases, "seeds": len(own),
        "seed_sd": own.mean(axis=1).std(ddof=1) if len(own) > 1 else np.nan, "baseline": baseline,
    }  # fmt: skip
    if name == baseline:
        return row | dict.fromkeys(("difference", "diff_low", "diff_high"), 0.0) | {
            "p": np.nan, "minimum_detectable_effect": np.nan, "verdict": BASELINE
        }  # fmt: skip
    level, paired = 1 - 0.05 / comparisons, estimate_difference(own, values[baseline])
    low, high = paired.interval(level)
    return row | {
        "difference": paired.mean, "diff_low": low, "diff_high": high, "p": paired.p_value(comparisons),
        "minimum_detectable_effect": paired.detectable(level),
        "verdict": ABOVE if low > 0 else BELOW if high < 0 else EVEN,
    }  # fmt: skip


def contrast(runs: list, *, by: str, metric: str = "ndcg@10") -> pd.DataFrame:
    """Mean metric with one row per system and one column per value of the protocol field `by`; no ranking, no test.

    Its attrs hold the 95 % bounds, low and high by value and system, the least number of cases, and a note on runs that
    were cut off in training. UserError if data or protocol differ in anything else; fields that only one of two splits
    has are no difference.
    """
    runs = evaluated_list(runs, "contrast")
    for run in runs:
        if by not in run.info["protocol"]:
            raise unknown_name("protocol field", by, run.info["protocol"])
        first, own = runs[0].info["protocol"], run.info["protocol"]
        others = [f for f in differing_fields(first, own) if f != by and (by != "split" or (f in first and f in own))]
        same = ["dataset", "options", "users"] + ([] if by in ORDERING else ["data_hash"])
        others += [name for name in same if runs[0].info.get(name) != run.info.get(name)]
        if others:
            raise UserError(f"contrast by {by}: {run.label} also differs in {', '.join(others)}")
    by_value: dict[str, list] = {}
    for run in runs:
        by_value.setdefault(str(run.info["protocol"][by]), []).append(run)
    values = {value: per_case_by_system(own, metric) for value, own in by_value.items()}
    table = pd.DataFrame({value: {name: rows.mean() for name, rows in own.items()} for value, own in values.items()})
    bounds = {value: {name: mean_interval(rows) for name, rows in own.items()} for value, own in values.items()}
    table.attrs = {
        side: {value: {name: each[n] for name, each in own.items()} for value, own in bounds.items()}
        for n, side in enumerate(("low", "high"))
    } | {"cases": min(len(rows[0]) for own in values.values() for rows in own.values()), "note": rising_note(runs)}
    return table.rename_axis("system").rename_axis(by, axis=1)
