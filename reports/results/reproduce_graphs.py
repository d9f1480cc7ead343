"""Graph systems beside counting, a sequence model and one another: python reports/results/reproduce_graphs.py

Writes graphs.json beside itself. Office under both protocols, over `sasrec` (with --profile paper an hour); TikTok's
pictures and sounds, over `lightgcn` (with --profile smoke --seeds 2). Of each row NDCG@10 and recall@20 with 95 %
intervals, and its paired difference. History is masked. Runs are stored, so an interrupted call goes on.
"""
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from kept_tables import keep, options

import workbench as wb
from workbench.evaluate.intervals import estimate_difference, estimate_mean
from workbench.experiment import Bench

METRICS = ("ndcg@10", "recall@20")
UNORDERED = {"item_knn": ("item_knn", {"decay": 1.0})}  # where no item is the last
TRAINED = {system: (system, {}) for system in ("sasrec", "bpr_mf", "lightgcn", "multivae", "xsimgcl", "sige")}
COUNTING = {system: (system, {}) for system in
            ("popularity", "category_popularity", "item_knn", "ease", "graph_walk", "item_transitions")}  # fmt: skip
LONGER, TWO = {"epochs": 200}, {"first": "image", "second": "audio", "epochs": 200}
VIEWS = {
    "popularity": ("popularity", {}), **UNORDERED, "ease": ("ease", {}), "lightgcn": ("lightgcn", LONGER),
    "cm3": ("cm3", TWO), "cm3, features of others": ("cm3", TWO | {"permuted": True}),
    "sige": ("sige", TWO), "sige, rewired": ("sige", TWO | {"rewired": True}),
    "sige, graphs by content alone": ("sige", TWO | {"alpha": 0.0}),
}  # fmt: skip


class Table(NamedTuple):
    """arms: name of a row to a system and its settings. against: the row that the others are compared with."""

    dataset: str
    protocol: dict
    arms: dict[str, tuple[str, dict]]
    against: str


TABLES = {
    "office/ratio": Table("office", {"split": "ratio"}, COUNTING | UNORDERED | TRAINED, "sasrec"),
    "office/leave-one-out": Table("office", {"split": "leave-one-out", "mask_history": True}, COUNTING | TRAINED,
                                  "sasrec"),
    "tiktok-mm/published": Table("tiktok-mm", {"split": "published"}, VIEWS, "lightgcn"),
}  # fmt: skip


def measured(benches: list[Bench], table: Table) -> pd.DataFrame:
    """A row for each arm; what is not trained has one seed."""
    runs = {}
    for name, (system, changes) in table.arms.items():
        first = benches[0].fit(system, **changes)
        runs[name] = [first, *(bench.fit(system, **changes) for bench in benches[1:] if first.curve)]
    values = {name: {metric: np.stack([run.per_case(metric) for run in own]) for metric in METRICS}
              for name, own in runs.items()}  # fmt: skip
    rows = []
    for name, own in values.items():
        row = {"system": name, "cases": own[METRICS[0]].shape[1], "seeds": len(runs[name])}
        for metric, each in own.items():
            mean = estimate_mean(each)
            row |= {metric: mean.mean} | dict(zip((f"{metric} from", f"{metric} to"), mean.interval()))
        if name != table.against:
            difference = estimate_difference(own[METRICS[0]], values[table.against][METRICS[0]])
            row |= {f"over {table.against}": difference.mean} | dict(zip(("from", "to"), difference.interval()))
        rows.append(row | {"still rising": any(run.still_rising for run in runs[name])})
    return pd.DataFrame(rows)


def main() -> None:
    given = options(__doc__, Path(__file__).parent / "graphs.json", tables=list(TABLES), seeds=3)
    for name in given.tables:
        table = TABLES[name]
        benches = [wb.open_bench(table.dataset, profile=given.profile, seed=seed, protocol=table.protocol)
                   for seed in range(given.seeds)]  # fmt: skip
        keep(given.out, name, benches[0], partial(measured, benches, table), seeds=given.seeds,
             arms={arm: changes for arm, (_, changes) in table.arms.items() if changes})  # fmt: skip


if __name__ == "__main__":
    main()
