"""Ways to forget on real data, beside the retrained oracle: python reports/results/reproduce_unlearning.py

Writes unlearning.json beside itself. Runs are stored, so an interrupted call goes on, and a finished table is kept.
"""
import argparse
import json
from pathlib import Path

import workbench as wb

OUT = Path(__file__).parent / "unlearning.json"
CASES = [f"{dataset}/{base}/{what}" for dataset in ("movielens-small", "office")
         for base in ("bpr_mf", "lightgcn", "sasrec") for what in ("users", "events")]  # fmt: skip
SHARES = {"users": {"users": 0.05, "events": 0.0}, "events": {"users": 0.0, "events": 0.05}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--profile", default="smoke")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", nargs="*", default=CASES, choices=CASES, metavar="DATASET/BASE/WHAT")
    options = parser.parse_args()
    found = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
    for name in options.only:
        if name in found:
            continue
        dataset, base, what = name.split("/")
        bench = wb.open_bench(dataset, profile=options.profile)
        table = bench.forgetting(base, seeds=options.seeds, **SHARES[what]).table()
        split, about = bench.split, {"profile": options.profile}
        about |= {"protocol": split.protocol.dict(), "data_hash": split.data_hash}
        found[name] = {**about, **table.attrs, "rows": json.loads(table.to_json(orient="index"))}
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(name, table.round(3).to_string(), sep="\n", flush=True)


if __name__ == "__main__":
    main()
