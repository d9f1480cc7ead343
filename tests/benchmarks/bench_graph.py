"""One training epoch on Beauty's graph, width 64, 2 layers, batches of 2,048: ours, and RecBole's and SELFRec's."""
import json
import statistics
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import opponents
from rounds import Faster, arguments, measure, report, run

RECBOLE, STEPS, WARM = "RecBole, LightGCN", 30, 5
SELFREC = {name: f"SELFRec, {name}" for name in ("LightGCN", "XSimGCL")}
OURS = {"lightgcn": {"layers": 2}, "xsimgcl": {"layers": 2}, "lightgcl": {"layers": 2}, "bpr_mf": {}}
TARGETS = [Faster("lightgcn", RECBOLE, 3.5)]
TARGETS += [Faster("lightgcn", SELFREC["LightGCN"], 3.5, field) for field in ("seconds", "processor")]
TARGETS += [Faster("xsimgcl", "lightgcn", 1 / 1.3, field) for field in ("seconds", "processor")]


def epoch(system: str) -> dict:
    """Seconds and processor seconds of an epoch, extrapolated from the median of STEPS steps, as the others are."""
    import torch
    from ours import beauty

    from workbench.train.fit import TrainingSession
    from workbench.train.runtime import configure_runtime

    bench = beauty()
    configure_runtime("cpu")
    model = bench.build(system, **OURS[system])
    recipe = bench.plan(system, epochs=1, batch_size=2048)[1]
    objective = model.objective(model.module, bench.split, TrainingSession(recipe))
    optimiser = torch.optim.Adam(model.module.parameters(), recipe.lr)
    model.module.train()
    batches, clocks = objective.batches(0), [(time.perf_counter(), time.process_time())]
    for step, batch in enumerate(batches[: WARM + STEPS]):
        optimiser.zero_grad()
        objective.loss(batch, step).backward()
        optimiser.step()
        clocks.append((time.perf_counter(), time.process_time()))
    seconds, processor = (statistics.median(b - a for a, b in pairwise(clock[WARM:])) for clock in zip(*clocks))
    steps = len(batches)
    return {"seconds": seconds * steps, "processor": processor * steps, "steps": steps, "timed": STEPS}


def main() -> None:
    """Run every side once per round."""
    if sys.argv[1:2] == ["--side"]:
        print(json.dumps(epoch(sys.argv[2])))
        return
    options = arguments(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events.txt"
        run([sys.executable, Path(__file__).with_name("ours.py"), "export", events], options.threads)
        sides = {name: [sys.executable, Path(__file__), "--side", name] for name in OURS}
        if command := opponents.recbole("train", events, "LightGCN"):
            sides[RECBOLE] = command
        for name, side in SELFREC.items():
            if command := opponents.selfrec(events, name):
                sides[side] = command
        records = measure(sides, rounds=options.rounds, threads=options.threads)
    report(__doc__, records, TARGETS, out=options.out)


if __name__ == "__main__":
    main()
