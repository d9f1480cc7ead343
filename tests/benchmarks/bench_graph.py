"""One training epoch on Beauty's graph, width 64, 2 layers, batches of 2,048: ours, and RecBole's LightGCN."""
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import opponents
from rounds import Faster, arguments, measure, report, run

RECBOLE, STEPS, WARM = "RecBole, LightGCN", 30, 5
OURS = {"lightgcn": {"layers": 2}, "xsimgcl": {"layers": 2}, "lightgcl": {"layers": 2}, "bpr_mf": {}}
TARGETS = [Faster("lightgcn", RECBOLE, 3.5), Faster("xsimgcl", "lightgcn", 1 / 1.3)]


def epoch(system: str) -> dict:
    """Seconds of an epoch, extrapolated from the median of STEPS steps, as RecBole's are."""
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
    batches, seconds = objective.batches(0), []
    for step, batch in enumerate(batches[: WARM + STEPS]):
        start = time.perf_counter()
        optimiser.zero_grad()
        objective.loss(batch, step).backward()
        optimiser.step()
        seconds.append(time.perf_counter() - start)
    return {"seconds": statistics.median(seconds[WARM:]) * len(batches), "steps": len(batches), "timed": STEPS}


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
        records = measure(sides, rounds=options.rounds, threads=options.threads)
    report(__doc__, records, TARGETS, out=options.out)


if __name__ == "__main__":
    main()
