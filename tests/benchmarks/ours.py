"""Our side of the sequential benchmarks on Beauty: `ours.py train LOSS`, `ours.py rank` or `ours.py export FILE`.

train  one epoch of `sasrec` after a warm-up epoch; LOSS is full, plain (all logits at once), sampled or bce.
rank   full-ranking evaluation of every test user, seen items masked.
export all sequences as lines of "user item", both from 1, which the other implementations read.
"""
import ctypes
import gc
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

SIZES = dict(width=64, layers=2, heads=2, feedforward=256, max_length=50, dropout=0.2)
BUNDLE = Path(__file__).parents[3] / "shared" / "data"
if BUNDLE.is_dir():
    os.environ.setdefault("WORKBENCH_DATA", str(BUNDLE))


def train(loss: str) -> dict:
    """Seconds of the second epoch, and the peak of memory above that of the loaded data and libraries."""
    from workbench.losses.ranking import full_softmax
    from workbench.train.fit import TrainingSession
    from workbench.train.runtime import configure_runtime

    bench = beauty()
    split = bench.split
    recommender = bench.build("sasrec", loss="full" if loss == "plain" else loss, negatives=256, **SIZES)
    if loss == "plain":
        recommender.loss = lambda h, weight, targets, step: full_softmax(h, weight, targets)
    recipe = bench.plan("sasrec", epochs=2, batch_size=256)[1]
    small = replace(split, train=split.train.take(np.arange(64)))
    recommender.fit(small, TrainingSession(recipe))  # torch loads some of its libraries on first use
    before = _memory(reset=True)
    session = TrainingSession(recipe, device=configure_runtime("cpu").type)
    first, second = (row["seconds"] for row in recommender.fit(split, session))
    return {"seconds": second - first, "above_data_mb": _memory() - before if before else None}


def rank() -> dict:
    """Seconds of the second evaluation of all test users."""
    from workbench.evaluate import evaluate
    from workbench.train.runtime import configure_runtime

    bench = beauty(mask_history=True)
    split = bench.split
    configure_runtime("cpu")
    recommender = bench.build("sasrec", **SIZES)
    for _ in range(2):
        start = time.perf_counter()
        metrics = evaluate(recommender, split.test, split, quiet=True).metrics(split.test, split)
        seconds = time.perf_counter() - start
    users = len(split.test.targets)
    return {"seconds": seconds, "users": users, "users_per_second": users / seconds, "ndcg@20": metrics["ndcg@20"]}


def export(path: str) -> dict:
    """Write the full sequences, oldest event first."""
    start = time.perf_counter()
    test = beauty().split.test
    histories = test.histories
    users = np.concatenate([histories.rows(), np.arange(len(histories))])
    items = np.concatenate([histories.items, test.targets])
    order = np.argsort(users, kind="stable")
    np.savetxt(path, np.stack([users[order] + 1, items[order]], axis=1), fmt="%d")
    return {"seconds": time.perf_counter() - start}


def beauty(**protocol):
    """The bench of all our sides."""
    from workbench.experiment import open_bench

    return open_bench("beauty", profile="paper", protocol=protocol, device="cpu")


def _memory(reset: bool = False) -> float:
    """Peak resident MB since the last reset, which also returns free heap; 0 on systems without /proc."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    if reset:
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    print(json.dumps({"train": train, "rank": rank, "export": export}[sys.argv[1]](*sys.argv[2:])))
