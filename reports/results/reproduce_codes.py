"""Make codes-*.json here again: tiger on learned, published, category and permuted codes beside the floors, paired by
user, over three seeds; and what its beams miss of exact scores.

    python reports/results/reproduce_codes.py [beauty office] [--device auto]

Tiger has its small size (d 64, 3 layers) with all of its epochs. Runs are stored as they finish.
"""
import json
from dataclasses import replace

import numpy as np
from reproduce import HERE, SEEDS, arguments, save, write_readme

from workbench import systems
from workbench.artifacts import write_text
from workbench.diagnose.models.beam_search import study
from workbench.evaluate import compare
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
    """Every floor once, sasrec and tiger on every kind of codes for every seed."""
    opened = benches(dataset, device)
    floors = [opened[0].fit(name) for name in systems.names("baselines")]
    spelt = [bench.fit("tiger", **changes) for bench in opened for changes in KINDS[dataset]]
    return floors + [bench.fit("sasrec") for bench in opened] + spelt


def pair(dataset: str, found: list[Run]) -> None:
    """What other codes cost or bring tiger, user by user, against our own."""
    table = compare([run for run in found if run.system == "tiger"], baseline="tiger")
    write_text(HERE / f"codes-{dataset}-paired.json", table.round(7).to_json(orient="index", indent=1))
    print(table.to_string(float_format="%.4f"))


def main() -> None:
    asked = arguments(__doc__, KINDS)
    for dataset in asked.datasets:
        found = runs(dataset, asked.device)
        save(f"codes-{dataset}", found)
        pair(dataset, found)
        bench = benches(dataset, asked.device)[0]
        table = study(bench.fit("tiger").recommender(), bench.split.test.take(np.arange(1000)))
        print(table.to_string(float_format="%.4f"))
        text = json.dumps(json.loads(table.to_json(orient="index")), indent=1)
        write_text(HERE / f"codes-{dataset}-beams.json", text)
    write_readme()


if __name__ == "__main__":
    main()
