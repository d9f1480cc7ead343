"""Which simulated user decides the winner among conversations: python reports/results/reproduce_simulators.py

Writes simulators.json beside itself. Runs are stored, so an interrupted call goes on, and a finished table is kept.
"""
import argparse
import json
from pathlib import Path

import workbench as wb
from workbench.experiment.online.simulators import by_simulator

OUT = Path(__file__).parent / "simulators.json"
METRICS = ("success@15", "return")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--profile", default="smoke")
    parser.add_argument("--dataset", default="movielens-small")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    found = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
    bench = wb.open_bench(options.dataset, profile=options.profile)
    for metric in METRICS:
        if (name := f"{options.dataset}/{metric}") in found:
            continue
        table = by_simulator(bench, metric=metric)
        found[name] = {"profile": options.profile, "seed": bench.seed, "protocol": bench.split.protocol.dict(),
                       "data_hash": bench.split.data_hash, "episodes": len(bench.split.test.targets),
                       "rows": json.loads(table.to_json(orient="records"))}  # fmt: skip
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(name, table.round(3).to_string(), sep="\n", flush=True)


if __name__ == "__main__":
    main()
