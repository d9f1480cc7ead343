"""Ways to forget on real data, beside the retrained oracle: python reports/results/reproduce_unlearning.py

Writes unlearning.json beside itself. Runs are stored, so an interrupted call goes on, and a finished table is kept.
--only: names such as office/sasrec/users.
"""
from pathlib import Path

from kept_tables import keep, options

import workbench as wb

CASES = [f"{dataset}/{base}/{what}" for dataset in ("movielens-small", "office")
         for base in ("bpr_mf", "lightgcn", "sasrec") for what in ("users", "events")]  # fmt: skip
SHARES = {"users": {"users": 0.05, "events": 0.0}, "events": {"users": 0.0, "events": 0.05}}


def main() -> None:
    given = options(__doc__, Path(__file__).parent / "unlearning.json", seeds=5, only=CASES)
    for name in given.only:
        dataset, base, what = name.split("/")
        bench = wb.open_bench(dataset, profile=given.profile)
        forgetting = bench.forgetting(base, seeds=given.seeds, **SHARES[what])
        keep(given.out, name, bench, lambda forgetting=forgetting: forgetting.table().reset_index(), seeds=given.seeds)


if __name__ == "__main__":
    main()
