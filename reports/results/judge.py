"""Judge the stored comparisons by the rule of `evaluate.compare`, without training anything again.

    python reports/results/judge.py [beauty office-masked ...]

ranks/<table>.npz holds the rank of the target in every test case, for each system and seed: whoever doubts an interval
can compute it from there. What has no ranks there is in no table.
"""
import json
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

from workbench.artifacts import write_text
from workbench.evaluate.compare import RISING, compare
from workbench.evaluate.metrics import per_case
from workbench.experiment import Run
from workbench.show.svg import svg_comparison

HERE = Path(__file__).parent


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
    rows = table["comparison"]
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
    """The comparison of a table, best first, with a verdict for every row. A row without ranks is none."""
    runs = stored_runs(name, json.loads((HERE / f"{name}.json").read_text()))
    frame = compare([run for rows in runs.values() for run in rows])
    return frame.sort_values("mean", ascending=False, kind="stable").rename_axis("system")


def main(names: list[str]) -> None:
    for name in names:
        path, frame = HERE / f"{name}.json", judged(name)
        table = json.loads(path.read_text())
        table["comparison"] = json.loads(frame.round(7).to_json(orient="index"))
        write_text(path, json.dumps(table, indent=1))
        write_text(HERE / f"{name}.svg", svg_comparison(frame))
        print(name, frame[["mean", "diff_low", "diff_high", "verdict"]].to_string(), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
