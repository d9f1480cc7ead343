"""What a language model adds to re-rankers, and its cost: python reports/results/reproduce_language_models.py

Writes language_models.json beside itself. Runs are stored, so an interrupted call goes on, and a finished system is
kept. --model: one that `workbench model` downloads, or a folder.
"""
import argparse
import json
from pathlib import Path

import workbench as wb
from workbench import systems
from workbench.experiment.study.language_models import added_by_language_model

OUT = Path(__file__).parent / "language_models.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--profile", default="smoke")
    parser.add_argument("--dataset", default="office")
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--n", type=int, default=10)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    found = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
    bench = wb.open_bench(options.dataset, profile=options.profile)
    about = {"profile": options.profile, "model": options.model, "cases": options.cases, "candidates": options.n,
             "protocol": bench.split.protocol.dict(), "data_hash": bench.split.data_hash}  # fmt: skip
    for name in (name for name in systems.names("rerank") if "model" in systems.keywords(name)):
        if f"{options.dataset}/{name}" in found:
            continue
        table = added_by_language_model(bench, options.model, [name], cases=options.cases, n=options.n)
        rows = json.loads(table.drop(columns="system").to_json(orient="records"))
        found[f"{options.dataset}/{name}"] = about | {"rows": rows}
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(name, table.round(3).to_string(), sep="\n", flush=True)


if __name__ == "__main__":
    main()
