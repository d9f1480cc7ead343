"""Graph systems beside counting and a sequence model, under both protocols: python reports/results/reproduce_graphs.py

Writes graphs.json beside itself, a table for each protocol on Office: of each system NDCG@10 and recall@20 with 95 %
intervals, and its paired difference to `sasrec`. History is masked under both. Runs are stored, so an interrupted call
goes on; in the paper profile it takes an hour.
"""
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from kept_tables import keep, options

import workbench as wb
from workbench.evaluate.intervals import estimate_difference, estimate_mean
from workbench.experiment import Bench

PROTOCOLS = {  # and what is changed under each: in a random order no item is the last
    "ratio": ({"split": "ratio"}, {"item_knn": {"decay": 1.0}}),
    "leave-one-out": ({"split": "leave-one-out", "mask_history": True}, {}),
}
COUNTING = ("popularity", "category_popularity", "item_knn", "ease", "graph_walk", "item_transitions")
TRAINED = ("bpr_mf", "lightgcn", "multivae", "xsimgcl", "sige")
AGAINST, METRICS = "sasrec", ("ndcg@10", "recall@20")


def measured(benches: list[Bench], changes: dict[str, dict]) -> pd.DataFrame:
    """A row for each system, those that count on top; what has no seed is computed once."""
    seeded = {system: benches[: 1 if system in COUNTING else None] for system in (*COUNTING, AGAINST, *TRAINED)}
    runs = {system: [bench.fit(system, **changes.get(system, {})) for bench in own] for system, own in seeded.items()}
    values = {system: {metric: np.stack([run.per_case(metric) for run in own]) for metric in METRICS}
              for system, own in runs.items()}  # fmt: skip
    rows = []
    for system, own in values.items():
        row = {"system": system, "cases": own[METRICS[0]].shape[1], "seeds": len(runs[system])}
        for metric, each in own.items():
            mean = estimate_mean(each)
            row |= {metric: mean.mean} | dict(zip((f"{metric} from", f"{metric} to"), mean.interval()))
        difference = estimate_difference(own[METRICS[0]], values[AGAINST][METRICS[0]])
        if system != AGAINST:
            low, high = difference.interval()
            row |= {f"over {AGAINST}": difference.mean, "from": low, "to": high}
        row["still rising"] = any(run.still_rising for run in runs[system])
        rows.append(row)
    return pd.DataFrame(rows)


def main() -> None:
    given = options(__doc__, Path(__file__).parent / "graphs.json", dataset="office", seeds=3)
    for name, (protocol, changes) in PROTOCOLS.items():
        benches = [wb.open_bench(given.dataset, profile=given.profile, seed=seed, protocol=protocol)
                   for seed in range(given.seeds)]  # fmt: skip
        keep(given.out, f"{given.dataset}/{name}", benches[0], partial(measured, benches, changes), seeds=given.seeds,
             changes=changes)  # fmt: skip


if __name__ == "__main__":
    main()
