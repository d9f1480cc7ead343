"""Our figures where a paper prints its own for the same split: python reports/results/reproduce_published.py

Writes published.json beside itself. Of seed 0, with 95 % intervals over cases. Runs are stored, so an interrupted call
goes on; whole, it takes three quarters of an hour.
"""
from functools import partial
from pathlib import Path

import pandas as pd
from kept_tables import keep, options

import workbench as wb
from workbench.evaluate.intervals import estimate_mean
from workbench.experiment import Bench

# UltraGCN's own of this dataset, l2 as strong as its is, per row of a batch; its c and lambda are 1e-7
RELEASE = {"plain": 0.0, "neighbours": 0.0, "negatives": 75, "weight": 75.0, "start": 1e-3, "l2": 4e-4, "lr": 1e-3,
           "epochs": 450, "patience": 90}  # fmt: skip
TABLES = {  # dataset, protocol, metrics, systems and their settings
    "sasrec: width": ("beauty", {}, ("recall@10", "ndcg@10"), {
        "sasrec": ("sasrec", {}), "sasrec, width 128": ("sasrec", {"width": 128}),
    }),
    "ultragcn: the published split": ("electronics", {"split": "published"}, ("recall@20", "ndcg@20"), {
        "ultragcn": ("ultragcn", RELEASE), "ultragcn, a wide start": ("ultragcn", RELEASE | {"start": 0.04}),
        "ultragcn, c = 1": ("ultragcn", RELEASE | {"plain": 1.0}), "ease": ("ease", {}), "item_knn": ("item_knn", {}),
    }),
}  # fmt: skip


def measured(bench: Bench, metrics: tuple[str, ...], systems: dict) -> pd.DataFrame:
    """A row for each system and metric."""
    rows = []
    for name, (system, changes) in systems.items():
        run = bench.fit(system, **changes)
        for metric in metrics:
            values = run.per_case(metric)
            low, high = estimate_mean(values).interval()
            rows.append({"system": name, "metric": metric, "mean": values.mean(), "low": low, "high": high,
                         "cases": len(values)})  # fmt: skip
    return pd.DataFrame(rows)


def main() -> None:
    given = options(__doc__, Path(__file__).parent / "published.json", tables=list(TABLES))
    for name in given.tables:
        dataset, protocol, metrics, systems = TABLES[name]
        settings = {each: changes for each, (_, changes) in systems.items()}
        bench = wb.open_bench(dataset, profile=given.profile, protocol=protocol)
        keep(given.out, name, bench, partial(measured, bench, metrics, systems), dataset=dataset,
             settings=settings)  # fmt: skip


if __name__ == "__main__":
    main()
