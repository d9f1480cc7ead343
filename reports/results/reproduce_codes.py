"""Reproduce codes-*.json: tiger on learned, published, category and permuted codes, compared with the training-free
baselines, paired by user, three seeds; and the search error of its beams.

    python reports/results/reproduce_codes.py [beauty office] [--device auto]

Tiger has its small size (width 64, 3 layers) and all of its epochs. Runs are stored as they finish.
"""
import json
from dataclasses import replace

import numpy as np
from reproduce import HERE, SEEDS, arguments, save, write_readme

from workbench import systems
from workbench.artifacts import write_text
from workbench.diagnose.models.beam_search import beam_width_table
from workbench.experiment import Bench, Run, open_bench
from workbench.train import PROFILES

SMALL = replace(PROFILES["paper"], name="paper, small", size="small")
LEARNED, NEAREST, PERMUTED = {}, {"policy": "nearest"}, {"permuted": True}
TREE, APAO, LETTER = {"codes": "category"}, {"codes": "apao", "policy": "none"}, {"codes": "letter", "policy": "none"}
ALONE = {"prefixes": False}
KINDS = {
    "beauty": (LEARNED, PERMUTED, APAO, LETTER, TREE, NEAREST, ALONE),
    "office": (LEARNED, PERMUTED, APAO, TREE, NEAREST, ALONE),
}


def benches(dataset: str, device: str) -> list[Bench]:
    return [open_bench(dataset, profile=SMALL, seed=seed, device=device) for seed in SEEDS]


def runs(dataset: str, device: str) -> list[Run]:
    """Every baseline once; sasrec, and tiger on every kind of codes, for every seed."""
    by_seed = benches(dataset, device)
    baselines = [by_seed[0].fit(name) for name in systems.names("baselines")]
    tigers = [bench.fit("tiger", **changes) for bench in by_seed for changes in KINDS[dataset]]
    return baselines + [bench.fit("sasrec") for bench in by_seed] + tigers


def compare_with_learned(dataset: str, runs: list[Run]) -> None:
    """Write the paired difference of tiger on every kind of codes to tiger on learned codes."""
    save(f"codes-{dataset}-paired", [run for run in runs if run.system == "tiger"], baseline="tiger")


def main() -> None:
    options = arguments(__doc__, KINDS)
    for dataset in options.datasets:
        evaluated = runs(dataset, options.device)
        save(f"codes-{dataset}", evaluated)
        compare_with_learned(dataset, evaluated)
        bench = benches(dataset, options.device)[0]
        table = beam_width_table(bench.fit("tiger").recommender(), bench.split.test.take(np.arange(1000)))
        print(table.to_string(float_format="%.4f"))
        text = json.dumps(json.loads(table.to_json(orient="index")), indent=1)
        write_text(HERE / f"codes-{dataset}-beams.json", text)
    write_readme()


if __name__ == "__main__":
    main()
