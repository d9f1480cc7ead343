"""Judge the stored comparisons by the rule of `evaluate.compare`, without training anything again.

    python reports/results/judge.py [beauty office-masked codes-office ...]

ranks/<table>.npz holds the rank of the target in every test case, for each system and seed that was evaluated since
ranks are kept: whoever doubts an interval can compute it from there. A row without ranks is judged from what its table
holds: the interval over users that was stored with it, and the spread between its seeds.
"""
import json
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from scipy import stats

from workbench.artifacts import write_text
from workbench.evaluate.compare import ABOVE, BASELINE, BELOW, EVEN, RISING, UNDERTRAINED, compare
from workbench.evaluate.intervals import Estimate
from workbench.evaluate.metrics import per_case
from workbench.experiment import Run
from workbench.show.svg import svg_comparison

HERE = Path(__file__).parent
RANKS, PAIRED, UNPAIRED = "per-case ranks", "stored interval of the difference", "stored intervals, as if unpaired"


def save_ranks(name: str, runs: list[Run]) -> None:
    """Add the runs' per-case ranks to ranks/<name>.npz, as one byte a case; what it holds of others stays."""
    path = HERE / "ranks" / f"{name}.npz"
    arrays = dict(np.load(path)) if path.exists() else {}
    for run in runs:
        key = f"{run.label}--{run.info['seed']}"
        arrays[key] = run.ranks.astype(np.uint8)
        if run.groups is not None:
            arrays[f"{key}--groups"] = run.groups.astype(np.uint16)
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, **dict(sorted(arrays.items())))


def stored_runs(name: str, table: dict) -> dict[str, list]:
    """The rows of a table whose ranks are stored for every seed, by label, as `compare` takes them."""
    path = HERE / "ranks" / f"{name}.npz"
    arrays = dict(np.load(path)) if path.exists() else {}
    runs: dict[str, list] = {}
    about = {key: table[key] for key in ("dataset", "data_hash", "protocol", "users", "cases")} | {"depth": 20}
    rows = table.get("users_only", table["comparison"])
    seeds = Counter(key.split("--")[0] for key in arrays if not key.endswith("--groups"))
    seeds |= {label: row["seeds"] for label, row in rows.items()}
    for key, ranks in arrays.items():
        label, seed, *groups = key.split("--")
        if not groups:
            rule = seeds[label] == 1
            info = about | {"seed": int(seed), "family": "baselines" if rule else "", "curve": [] if rule else [{}]}
            groups = arrays.get(f"{key}--groups")
            runs.setdefault(label, []).append(SimpleNamespace(
                label=label, system=label.partition("(")[0], info=info,
                per_case=lambda metric, ranks=ranks, groups=groups: per_case(metric, ranks, groups),
                still_rising=rows.get(label, {}).get("note", "").startswith(RISING),
            ))  # fmt: skip
    return {label: evaluated for label, evaluated in runs.items() if len(evaluated) == seeds[label]}


def judged(name: str) -> pd.DataFrame:
    """The comparison of a table, best first, with a verdict for every row and `source`, what it is judged from."""
    table = json.loads((HERE / f"{name}.json").read_text())
    stored, runs = pd.DataFrame(table.get("users_only", table["comparison"])).T, stored_runs(name, table)
    others, frame = len({*stored.index, *runs}) - 1, pd.DataFrame()
    if runs:
        frame = compare([run for rows in runs.values() for run in rows], comparisons=others).assign(source=RANKS)
    baseline = frame.iloc[(frame["verdict"] == BASELINE).argmax()] if runs else stored.loc[stored["baseline"].iloc[0]]
    rows = {label: _from_table(stored.loc[label], stored, baseline, others, table["cases"])
            for label in stored.index.difference(frame.index)}  # fmt: skip
    frame = pd.concat([frame, pd.DataFrame(rows).T]).infer_objects()
    return frame.sort_values("mean", ascending=False, kind="stable").rename_axis("system")


def _from_table(row: pd.Series, stored: pd.DataFrame, baseline: pd.Series, others: int, cases: int) -> dict:
    """A row of a comparison from the intervals that were stored with it, which left the seeds out."""
    own, rival = ((each["high"] - each["low"]) / (2 * stats.norm.isf(0.025)) for each in (row, baseline))
    users, source = np.hypot(own, rival), UNPAIRED
    if row["baseline"] == baseline.name and abs(stored["mean"][baseline.name] - baseline["mean"]) < 1e-6:
        users, source = (row["diff_high"] - row["diff_low"]) / (2 * stats.norm.isf(0.025 / (len(stored) - 1))), PAIRED
    mean = _estimate(row["mean"], own, [row], cases, floor=0.0)
    difference = _estimate(row["mean"] - baseline["mean"], users, [row, baseline], cases, floor=-np.inf)
    (low, high), (diff_low, diff_high) = mean.interval(), difference.interval(1 - 0.05 / others)
    note = row.get("note") if isinstance(row.get("note"), str) else ""
    verdict = ABOVE if diff_low > 0 else BELOW if diff_high < 0 else EVEN
    judgement = {
        "difference": difference.mean, "diff_low": diff_low, "diff_high": diff_high, "p": difference.p_value(others),
        "minimum_detectable_effect": difference.detectable(1 - 0.05 / others),
        "verdict": UNDERTRAINED if note.startswith(RISING) else verdict,
    }  # fmt: skip
    if row.name == baseline.name:
        judgement = dict.fromkeys(("difference", "diff_low", "diff_high"), 0.0) | {"verdict": BASELINE}
    return judgement | {
        "mean": row["mean"], "low": low, "high": high, "cases": cases, "seeds": int(row["seeds"]),
        "seed_sd": row["seed_sd"], "baseline": baseline.name, "note": note, "source": source,
    }  # fmt: skip


def _estimate(mean: float, users: float, rows: list[pd.Series], cases: int, *, floor: float) -> Estimate:
    """users: the standard error over cases. rows: whose seeds vary beside that."""
    parts = [(users**2, cases - 1)]
    parts += [(row["seed_sd"] ** 2 / row["seeds"], row["seeds"] - 1) for row in rows if row["seeds"] > 1]
    variance = sum(part for part, _ in parts)
    df = variance**2 / sum(part**2 / df for part, df in parts)
    return Estimate(float(mean), float(mean), float(np.sqrt(variance)), float(df), floor, cases, int(rows[0]["seeds"]))


def main(names: list[str]) -> None:
    for name in names:
        path, frame = HERE / f"{name}.json", judged(name)
        table = json.loads(path.read_text())
        table.setdefault("users_only", table["comparison"])  # intervals without the seeds, for rows that lack ranks
        table["comparison"] = json.loads(frame.round(7).to_json(orient="index"))
        write_text(path, json.dumps(table, indent=1))
        write_text(HERE / f"{name}.svg", svg_comparison(frame))
        print(name, frame[["mean", "diff_low", "diff_high", "verdict", "source"]].to_string(), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
