"""From a raw log to 5-core, leave-one-out and sequences: ours and pandas, each side in its own process, in turn.

usage: python tests/benchmarks/bench_table.py [--rows 10000000] [--rounds 3] [--threads 2] [--out FILE]

The log is synthetic: users and items follow a power law, with ratings and timestamps in seconds. Ours is the full
pipeline: validated ids and times, a hash of the file, duplicate counts, ids permuted by hash, a split with its data
hash, and CSR arrays with ties in file order. pandas does the minimum that yields sequences: read, 5-core by groupby,
stable sort, factorize, lists of all but the last two events. Imports are not timed on either side.
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
    """Write a log of `rows` events: 12 per user and 60 per item on average, both skewed."""
    import pyarrow as pa
    import pyarrow.csv

    random = np.random.default_rng(0)
    users = (rows // 12 * random.random(rows) ** 1.7).astype(np.int64)
    items = (max(2000, rows // 60) * random.random(rows) ** 3).astype(np.int64)
    ratings, times = random.integers(1, 6, rows), random.integers(10**9, 16 * 10**8, rows)
    pa.csv.write_csv(pa.table({"user": users, "item": items, "rating": ratings, "timestamp": times}), path)


def ours(path: str) -> dict:
    """The workbench's pipeline."""
    import pyarrow.csv  # noqa: F401

    from workbench.data import Protocol, split
    from workbench.data.datasets import csv

    start = time.perf_counter()
    data = csv.load(path=path, core=CORE)
    parts = split(data, Protocol(ties="file"))
    end = time.perf_counter()
    rows, users, train = len(data.interactions), parts.n_users, len(parts.train.items)
    return {"seconds": end - start, "rows": rows, "users": users, "train": train}


def pandas(path: str) -> dict:
    """The same with pandas."""
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
    events_after = log.groupby("u").cumcount(ascending=False)
    sequences = log[events_after >= 2].groupby("u")["i"].agg(list)
    end = time.perf_counter()
    train = int(sequences.str.len().sum())
    return {"seconds": end - start, "rows": len(log), "users": len(sequences), "train": train}


SIDES = {"ours": ours, "pandas": pandas}


def main() -> None:
    """Run both sides in turn; they must agree on the number of rows, users and train events."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of the log (default: 10000000)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each side (default: 3)")
    parser.add_argument("--threads", type=int, default=2, help="threads of each side (default: 2)")
    parser.add_argument("--out", type=Path, help="write all records and ratios to this JSON file")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(SIDES[options.side](options.file)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "log.csv")
        make(path, options.rows)
        commands = {side: [sys.executable, __file__, "--side", side, "--file", path] for side in SIDES}
        records = rounds.measure(commands, rounds=options.rounds, threads=options.threads)
    if len({(record["rows"], record["users"], record["train"]) for record in records}) > 1:
        raise SystemExit(f"the sides disagree: {records}")
    targets = [rounds.Faster("ours", "pandas", at_least=2.5), rounds.Limit("ours", "peak_mb", at_most=1300)]
    rounds.report(f"A log of {options.rows:,} rows to 5-core, split and sequences", records, targets, out=options.out)


if __name__ == "__main__":
    main()
