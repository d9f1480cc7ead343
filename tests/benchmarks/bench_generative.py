"""What the idea of each generative system costs: processor seconds of an epoch with it over one with it off, in turn
(Office, width 64, one layer). The trie softmax alone is mscgrec without further codes."""
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from rounds import Limit, arguments, measure, report

ALONE = {"trie softmax": ("mscgrec", {"read": (), "trie": True})}
USERS, SIZES = 1500, {"width": 64, "layers": 1}


def ours(name: str) -> dict:
    """seconds: of an epoch with the idea. ratio: to one without, of epochs that take turns."""
    from workbench import systems
    from workbench.experiment import open_bench
    from workbench.train.fit import TrainingSession

    system, settings = ALONE.get(name, (name, {}))
    off = systems.load(system).OFF
    bench = open_bench("office", profile="paper", device="cpu")
    few = replace(bench.split, train=bench.split.train.take(np.arange(USERS)))

    def epoch(changes: dict) -> float:
        built, recipe = bench.build(system, **SIZES | changes), bench.plan(system, epochs=1)[1]
        start = time.process_time()
        built.fit(few, TrainingSession(recipe))
        return time.process_time() - start

    times = [(epoch(settings), epoch(off)) for _ in range(4)][1:]  # the first one warms up
    return {"seconds": float(np.median(times, axis=0)[0]), "ratio": float(np.median([a / b for a, b in times]))}


def main() -> None:
    """Run every side once per round."""
    if sys.argv[1:2] == ["--side"]:
        print(json.dumps(ours(sys.argv[2])))
        return
    from workbench import systems

    options = arguments(__doc__)
    names = [name for name in systems.names("generative") if systems.load(name).PARENT] + list(ALONE)
    sides = {name: [sys.executable, Path(__file__), "--side", name] for name in names}
    records = measure(sides, rounds=options.rounds, threads=1)
    for name in names:
        ratios = [record["ratio"] for record in records if record["side"] == name]
        print(f"{name:<16} on / off {np.median(ratios):.2f}")
    report(__doc__, records, [Limit("trie softmax", "ratio", 1.15)], out=options.out)


if __name__ == "__main__":
    main()
