"""Tables of systems with settings on one dataset, with intervals: what reproduce_graphs.py and reproduce_published.py
measure."""
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from kept_tables import keep

import workbench as wb
from workbench.evaluate.intervals import estimate_difference, estimate_mean
from workbench.experiment import Bench


class Table(NamedTuple):
    """arms: name of a row to a system and its settings. against: the row that the others are compared with by the first
    of the metrics."""

    dataset: str
    protocol: dict
    arms: dict[str, tuple[str, dict]]
    against: str
    metrics: tuple[str, ...] = ("ndcg@10", "recall@20")


def plain(*systems: str) -> dict[str, tuple[str, dict]]:
    """The arms of systems as they are."""
    return {system: (system, {}) for system in systems}


def keep_table(out: Path, name: str, table: Table, *, profile: str, seeds: int) -> None:
    """Add a table to the JSON file out, unless it is there from the same."""
    benches = [wb.open_bench(table.dataset, profile=profile, seed=n, protocol=table.protocol) for n in range(seeds)]
    changed = {arm: changes for arm, (_, changes) in table.arms.items() if changes}
    keep(out, name, benches[0], partial(measured, benches, table), dataset=table.dataset, seeds=seeds, arms=changed)


def measured(benches: list[Bench], table: Table) -> pd.DataFrame:
    """A row for each arm: its metrics, and the difference by the first of them; what is not trained has one seed."""
    runs = {}
    for name, (system, changes) in table.arms.items():
        first = benches[0].fit(system, **changes)
        runs[name] = [first, *(bench.fit(system, **changes) for bench in benches[1:] if first.curve)]
    values = {name: {metric: np.stack([run.per_case(metric) for run in own]) for metric in table.metrics}
              for name, own in runs.items()}  # fmt: skip
    rows = []
    for name, own in values.items():
        row = {"system": name, "cases": own[table.metrics[0]].shape[1], "seeds": len(runs[name])}
        for metric, each in own.items():
            mean = estimate_mean(each)
            row |= {metric: mean.mean} | dict(zip((f"{metric} from", f"{metric} to"), mean.interval()))
        if name != table.against:
            difference = estimate_difference(own[table.metrics[0]], values[table.against][table.metrics[0]])
            row |= {f"over {table.against}": difference.mean} | dict(zip(("from", "to"), difference.interval()))
        rows.append(row | {"still rising": any(run.still_rising for run in runs[name])})
    return pd.DataFrame(rows)
