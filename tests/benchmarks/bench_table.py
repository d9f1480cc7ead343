"""A raw log to 5-core, leave-one-out and sequences: ours against pandas, each side in a process of its own, in turn.

usage: python tests/benchmarks/bench_table.py [--rows 10000000] [--rounds 3] [--threads 2] [--out FILE]

The log is made here: users and items by a power law, ratings, whole seconds. Ours is all that a user gets: checked
ids and times, a hash of the file, repeats counted, ids permuted by hash, a split with its data hash, and CSR arrays
with events of equal time in the order of the file. pandas does the least that gives sequences: read, 5-core by
groupby, stable sort, factorize, lists of all but the last two events. Imports are not counted on either side.
"""
import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rounds

CORE = 5


def make(path: str, rows: int) -> None:
    """Write a log of `rows` events: twelve a user and sixty an item on average, both skewed."""
    import pyarrow as pa
    import pyarrow.csv

    random = np.random.default_rng(0)
    users = (rows // 12 * random.random(rows) ** 1.7).astype(np.int64)
    items = (max(2000, rows // 60) * random.random(rows) ** 3).astype(np.int64)
    ratings, times = random.integers(1, 6, rows), random.integers(10**9, 16 * 10**8, rows)
    pa.csv.write_csv(pa.table({"user": users, "item": items, "rating": ratings, "timestamp": times}), path)


def ours(path: str) -> dict:
    """The road of the workbench."""
    import pyarrow.csv  # noqa: F401

    from workbench.data import Protocol, split
    from workbench.data.datasets import csv

    start = time.perf_counter()
    data = csv.load(path=path, core=CORE)
    part = split(data, Protocol(ties="file"))
    done = time.perf_counter()
    rows, users, train = len(data.interactions), part.n_users, len(part.train.items)
    return {"seconds": done - start, "rows": rows, "users": users, "train": train}


def pandas(path: str) -> dict:
    """What one would write without it."""
    import pandas as pd

    start = time.perf_counter()
    log = pd.read_csv(path)
    before = -1
    while before != len(log):
        before = len(log)
        log = log[log.groupby("user")["item"].transform("size") >= CORE]
        log = log[log.groupby("item")["user"].transform("size") >= CORE]
    log = log.sort_values(["user", "timestamp"], kind="stable")
    log["i"] = pd.factorize(log["item"])[0] + 1
    log["u"] = pd.factorize(log["user"])[0]
    left = log.groupby("u").cumcount(ascending=False)
    sequences = log[left >= 2].groupby("u")["i"].agg(list)
    done = time.perf_counter()
    train = int(sequences.str.len().sum())
    return {"seconds": done - start, "rows": len(log), "users": len(sequences), "train": train}


SIDES = {"ours": ours, "pandas": pandas}


def main() -> None:
    """Rounds of both sides in turn; the sides must agree on what is left."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--rows", type=int, default=10_000_000, help="rows of the log (default: 10000000)")
    options.add_argument("--rounds", type=int, default=3, help="times that each side runs (default: 3)")
    options.add_argument("--threads", type=int, default=2, help="threads of each side (default: 2)")
    options.add_argument("--out", type=Path, help="write all records and ratios to this JSON file")
    options.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options.add_argument("--file", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.side:
        print(json.dumps(SIDES[given.side](given.file)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "log.csv")
        make(path, given.rows)
        commands = {side: [sys.executable, __file__, "--side", side, "--file", path] for side in SIDES}
        records = rounds.measure(commands, rounds=given.rounds, threads=given.threads)
    if len({(record["rows"], record["users"], record["train"]) for record in records}) > 1:
        raise SystemExit(f"the sides disagree: {records}")
    wanted = [rounds.Faster("ours", "pandas", at_least=2.5), rounds.Limit("ours", "peak_mb", at_most=1300)]
    rounds.report(f"A log of {given.rows:,} rows to 5-core, split and sequences", records, wanted, out=given.out)


if __name__ == "__main__":
    main()
