"""Which simulated user decides the winner among conversations: python reports/results/reproduce_simulators.py

Writes simulators.json beside itself. Runs are stored, so an interrupted call goes on, and a finished table is kept.
"""
from pathlib import Path

from kept_tables import keep, options

import workbench as wb
from workbench.experiment.online.simulators import by_simulator

METRICS = ["success@15", "return"]


def main() -> None:
    given = options(__doc__, Path(__file__).parent / "simulators.json", dataset="movielens-small", metrics=METRICS)
    bench = wb.open_bench(given.dataset, profile=given.profile)
    for metric in given.metrics:
        keep(given.out, f"{given.dataset}/{metric}", bench, lambda metric=metric: by_simulator(bench, metric=metric),
             seed=bench.seed, episodes=len(bench.split.test.targets))  # fmt: skip


if __name__ == "__main__":
    main()
