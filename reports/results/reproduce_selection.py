"""What a network learns from chosen train events, by how many: python reports/results/reproduce_selection.py

Writes selection.json beside itself. Runs are stored, so an interrupted call goes on, and a finished share is kept.
"""
import argparse
import json
from pathlib import Path

import numpy as np

import workbench as wb
from workbench.evaluate.intervals import estimate_difference, estimate_mean

OUT = Path(__file__).parent / "selection.json"
METRIC, RANDOM = "ndcg@10", "random_selection"
SYSTEMS = (RANDOM, "dealrec", "goracs")


def per_case(dataset: str, profile: str, seeds: int, system: str, **changes) -> np.ndarray:
    """(seeds, cases) of the metric on test."""
    benches = [wb.open_bench(dataset, profile=profile, seed=seed) for seed in range(seeds)]
    return np.stack([bench.fit(system, **changes).per_case(METRIC) for bench in benches])


def row(values: np.ndarray, reference: np.ndarray | None) -> dict:
    """The mean with its interval, and the paired difference to the random selection with its own."""
    mean = estimate_mean(values)
    low, high = mean.interval()
    found = {"mean": mean.mean, "low": low, "high": high}
    if reference is not None:
        difference = estimate_difference(values, reference)
        below, above = difference.interval()
        found |= {"over random": difference.mean, "from": below, "to": above}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--profile", default="smoke")
    parser.add_argument("--dataset", default="office")
    parser.add_argument("--base", default="sasrec")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--shares", type=float, nargs="*", default=[0.01, 0.05, 0.2])
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    found = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
    data = options.dataset, options.profile, options.seeds
    split = wb.open_bench(options.dataset, profile=options.profile).split
    about = {"profile": options.profile, "seeds": options.seeds, "base": options.base, "metric": METRIC,
             "protocol": split.protocol.dict(), "data_hash": split.data_hash}  # fmt: skip
    for share in (*options.shares, 1.0):
        if (name := f"{options.dataset}/{options.base}/{share}") in found:
            continue
        if share == 1.0:
            rows = {options.base: row(per_case(*data, options.base), None)}
        else:
            values = {system: per_case(*data, system, base=options.base, share=share) for system in SYSTEMS}
            rows = {system: row(each, values[RANDOM] if system != RANDOM else None) for system, each in values.items()}
        found[name] = about | {"share": share, "rows": rows}
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(name, {system: round(each["mean"], 4) for system, each in rows.items()}, flush=True)


if __name__ == "__main__":
    main()
