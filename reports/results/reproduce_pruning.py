"""What is lost by pruning edges of a graph, by way to choose them: python reports/results/reproduce_pruning.py

Writes pruning.json beside itself: `lightgnn` at a half and four fifths of the edges pruned, means over seeds. Runs are
stored, so an interrupted call goes on.
"""
from pathlib import Path

import pandas as pd
from kept_tables import keep, options

import workbench as wb
from workbench.experiment.study.pruning import pruning_table


def main() -> None:
    given = options(__doc__, Path(__file__).parent / "pruning.json", dataset="filmtrust", seeds=3)
    benches = [wb.open_bench(given.dataset, profile=given.profile, seed=seed, protocol={"split": "ratio"})
               for seed in range(given.seeds)]  # fmt: skip

    def measured() -> pd.DataFrame:
        tables = pd.concat(pruning_table(bench) for bench in benches).groupby(["pruned", "by"], sort=False)
        return tables.mean().assign(sd=tables["ndcg@10"].std()).reset_index()

    keep(given.out, f"{given.dataset}/{given.profile}", benches[0], measured, seeds=given.seeds)


if __name__ == "__main__":
    main()
