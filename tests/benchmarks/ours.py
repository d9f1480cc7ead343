"""Our side of the sequential benchmarks: `ours.py train LOSS`, `ours.py rank` or `ours.py export FILE`, on Beauty.

train  one warm epoch of the real `sasrec`; LOSS is full, plain (all logits at once), sampled or bce.
rank   encode, rank and score every test user, seen items masked.
export all sequences as lines of "user item", both from 1: what the opponents read, so that all see the same events.
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
    """Seconds of the second epoch, and how far memory rose above what held the data and the warm libraries."""
    from workbench.losses.ranking import full_softmax
    from workbench.train.fit import Session
    from workbench.train.runtime import runtime

    bench = beauty()
    split = bench.split
    recommender = bench.build("sasrec", loss="full" if loss == "plain" else loss, negatives=256, **SIZES)
    if loss == "plain":
        recommender.loss = lambda h, weight, targets, step: full_softmax(h, weight, targets)
    recipe = bench.plan("sasrec", epochs=2, batch_size=256)[1]
    few = replace(split, train=split.train.take(np.arange(64)))
    recommender.fit(few, Session(recipe))  # loads what torch loads late
    before = _memory(reset=True)
    session = Session(recipe, device=runtime("cpu").type)
    first, second = (row["seconds"] for row in recommender.fit(split, session))
    return {"seconds": second - first, "above_data_mb": _memory() - before if before else None}


def rank() -> dict:
    """Seconds to evaluate all test users for the second time."""
    from workbench.evaluate import evaluate
    from workbench.train.runtime import runtime

    bench = beauty(mask_history=True)
    split = bench.split
    runtime("cpu")
    recommender = bench.build("sasrec", **SIZES)
    for _ in range(2):
        start = time.perf_counter()
        metrics = evaluate(recommender, split.test, split, quiet=True).metrics(split.test, split)
        seconds = time.perf_counter() - start
    users = len(split.test.targets)
    return {"seconds": seconds, "users": users, "users_per_second": users / seconds, "ndcg@20": metrics["ndcg@20"]}


def export(path: str) -> dict:
    """Write the whole sequences, oldest event first."""
    start = time.perf_counter()
    test = beauty().split.test
    histories = test.histories
    users = np.concatenate([histories.rows(), np.arange(len(histories))])
    items = np.concatenate([histories.items, test.targets])
    order = np.argsort(users, kind="stable")
    np.savetxt(path, np.stack([users[order] + 1, items[order]], axis=1), fmt="%d")
    return {"seconds": time.perf_counter() - start}


def beauty(**protocol):
    """The bench that all our sides stand on."""
    from workbench.experiment import open_bench

    return open_bench("beauty", profile="paper", protocol=protocol, device="cpu")


def _memory(reset: bool = False) -> float:
    """Highest resident MB since the last reset, which also gives free heap back; 0 where the system does not tell."""
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
