"""Five random splits of Last.fm, 8:1:1, as the published rows have: python reports/results/reproduce_lastfm_splits.py

Writes lastfm_splits.json beside itself: each system's mean and standard deviation over splits. RecBole-GNN reports
Recall@10 .206 of LightGCN and .176 of BPR. Runs are stored, so an interrupted call goes on.
"""
from pathlib import Path

import numpy as np
import pandas as pd
from kept_tables import keep, options

import workbench as wb
from workbench.evaluate.intervals import estimate_mean

METRICS, PARENT = ("recall@10", "ndcg@10"), "lightgcn"
PUBLISHED = {"lr": 5e-4, "batch_size": 4096, "l2": 0.0, "epochs": 1500, "patience": 10}
SYSTEMS = {
    "ease": ("ease", {}), "item_knn": ("item_knn", {"decay": 1.0}), "bpr_mf": ("bpr_mf", {}),
    "bpr_mf, RecBole-GNN's recipe": ("bpr_mf", PUBLISHED), "lightgcn": ("lightgcn", {}),
    "lightgcn, RecBole-GNN's recipe": ("lightgcn", PUBLISHED | {"lr": 1e-3}), "sept": ("sept", {}),
}  # fmt: skip


def measured(benches: list) -> pd.DataFrame:
    """A row for each system; the difference to `lightgcn` is paired by user within a split, its interval over both."""
    values = {name: [bench.fit(system, **changes) for bench in benches] for name, (system, changes) in SYSTEMS.items()}
    rows = []
    for system, runs in values.items():
        each = {metric: [float(run.per_case(metric).mean()) for run in runs] for metric in METRICS}
        row = {"system": system}
        for metric, found in each.items():
            row |= {metric: np.mean(found), f"sd of {metric}": np.std(found, ddof=1)}
        if system != PARENT:
            pair = [np.stack([run.per_case("ndcg@10") for run in of]) for of in (runs, values[PARENT])]
            difference = estimate_mean(pair[0] - pair[1])  # both know the same splits
            low, high = difference.interval()
            row |= {"ndcg@10 over lightgcn": difference.mean, "from": low, "to": high}
        rows.append(row)
    return pd.DataFrame(rows)


def main() -> None:
    given = options(__doc__, Path(__file__).parent / "lastfm_splits.json", splits=5)
    benches = [wb.open_bench("lastfm", profile=given.profile, seed=n, protocol={"split": "ratio", "tie_seed": n})
               for n in range(given.splits)]  # fmt: skip
    keep(given.out, f"lastfm/{given.profile}", benches[0], lambda: measured(benches), splits=given.splits)


if __name__ == "__main__":
    main()
