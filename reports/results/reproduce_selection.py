"""What a network learns from chosen train events, by how many: python reports/results/reproduce_selection.py

Writes selection.json beside itself. Runs are stored, so an interrupted call goes on, and a finished share is kept.
"""
from pathlib import Path

import numpy as np
import pandas as pd
from kept_tables import keep, options

import workbench as wb
from workbench.evaluate.intervals import estimate_difference, estimate_mean

METRIC, RANDOM = "ndcg@10", "random_selection"
SYSTEMS = (RANDOM, "dealrec", "goracs")


def table(values: dict[str, np.ndarray]) -> pd.DataFrame:
    """A row for each selection: the mean of (seeds, cases) and the paired difference to the random one, with 95 %."""
    rows = []
    for system, each in values.items():
        mean, difference = estimate_mean(each), estimate_difference(each, values[RANDOM])
        low, high = mean.interval()
        below, above = difference.interval() if system != RANDOM else (np.nan, np.nan)
        rows.append({"selection": system, "mean": mean.mean, "low": low, "high": high,
                     "over random": difference.mean, "from": below, "to": above})  # fmt: skip
    return pd.DataFrame(rows)


def main() -> None:
    given = options(__doc__, Path(__file__).parent / "selection.json", dataset="office", base="sasrec", seeds=5,
                    shares=[0.01, 0.05, 0.2])  # fmt: skip
    benches = [wb.open_bench(given.dataset, profile=given.profile, seed=seed) for seed in range(given.seeds)]

    def measured(share: float) -> pd.DataFrame:
        chosen = {"base": given.base, "share": share}
        values = {system: np.stack([bench.fit(system, **chosen).per_case(METRIC) for bench in benches])
                  for system in SYSTEMS}  # fmt: skip
        whole = np.stack([bench.fit(given.base).per_case(METRIC) for bench in benches])
        return table(values | {f"all of train, {given.base}": whole})

    for share in given.shares:
        keep(given.out, f"{given.dataset}/{given.base}/{share}", benches[0], lambda share=share: measured(share),
             seeds=given.seeds, metric=METRIC)  # fmt: skip


if __name__ == "__main__":
    main()
