"""One training epoch of MCLRec on Beauty, width 64, 2 layers, length 50, batches of 256, dropout .2, contrast of random
and of learnt views: ours, and the released trainer."""
import json
import sys
import tempfile
import time
from pathlib import Path

import opponents
from rounds import Faster, arguments, measure, report, run

OURS, RELEASE, SIMPLE, BETA = "ours", "MCLRec's release", 0.1, 0.05
TARGETS = [Faster(OURS, RELEASE, 5), Faster(OURS, RELEASE, 5, "processor")]


def epoch() -> dict:
    """Seconds and processor seconds of the second epoch."""
    from ours import beauty

    from workbench.train.fit import TrainingSession
    from workbench.train.runtime import configure_runtime

    bench = beauty()
    configure_runtime("cpu")
    sizes = dict(width=64, layers=2, max_length=50, dropout=0.2)
    recommender = bench.build("mclrec", simple=SIMPLE, beta=BETA, **sizes)
    recipe = bench.plan("mclrec", epochs=1, batch_size=256)[1]
    for _ in range(2):
        start, used = time.perf_counter(), time.process_time()
        curve = recommender.fit(bench.split, TrainingSession(recipe))
        seconds, processor = time.perf_counter() - start, time.process_time() - used
    return {"seconds": seconds, "processor": processor, "steps": curve[-1]["step"]}


def main() -> None:
    """Run every side once per round."""
    if sys.argv[1:2] == ["--side"]:
        print(json.dumps(epoch()))
        return
    options = arguments(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events.txt"
        run([sys.executable, Path(__file__).with_name("ours.py"), "export", events], options.threads)
        sides = {OURS: [sys.executable, Path(__file__), "--side"], RELEASE: opponents.mclrec(events, SIMPLE, BETA)}
        sides = {name: command for name, command in sides.items() if command}
        records = measure(sides, rounds=options.rounds, threads=options.threads)
    report(__doc__, records, TARGETS, out=options.out)


if __name__ == "__main__":
    main()
