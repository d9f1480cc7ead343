"""From the parquet shards of a month in MerRec's layout to a leave-one-out split: 10 million events, two keys of items.

usage: python tests/benchmarks/bench_shards.py [--rows 10000000] [--rounds 1] [--threads 2] [--out FILE]

The shards are invented (tests/merrec_sample.py): users, sequences and events per shard as in the published ones, half
of the events on a listing of its own. A side reads columns and attributes, checks all footers, measures what the loader
reports, numbers ids by hash and splits. Imports are not timed. processor: its seconds, over all threads.
"""
import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import rounds

SHARD = 500_000  # events


def make(folder: Path, rows: int) -> None:
    """Write the shards of a month, one at a time."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from merrec_sample import random_shard

    month = folder / "20230501"
    month.mkdir()
    for number in range(max(1, rows // SHARD)):
        random_shard(number, min(rows, SHARD)).head(SHARD).write_parquet(month / f"{number:012d}.parquet")


def side(key: str, folder: str) -> dict:
    """One key, with titles and categories."""
    from workbench.data import protocol_for, split
    from workbench.data.datasets.marketplaces import merrec

    start, used = time.perf_counter(), time.process_time()
    data = merrec.load(folder=folder, key=key, sequences=False)
    parts = split(data, protocol_for(data))
    seconds, processor = time.perf_counter() - start, time.process_time() - used
    return {"seconds": seconds, "processor": processor, "rows": len(data.interactions), "items": data.n_items,
            "users": data.n_users, "train": len(parts.train.items)}  # fmt: skip


SIDES = ("product", "listing")


def main() -> None:
    """Run each key in its own process."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=10_000_000, help="events (default: 10000000)")
    parser.add_argument("--rounds", type=int, default=1, help="runs of each side (default: 1)")
    parser.add_argument("--threads", type=int, default=2, help="threads of each side (default: 2)")
    parser.add_argument("--out", type=Path, help="write all records to this JSON file")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(side(options.side, options.folder)))
        return
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), options.rows)
        commands = {name: [sys.executable, __file__, "--side", name, "--folder", folder] for name in SIDES}
        records = rounds.measure(commands, rounds=options.rounds, threads=options.threads)
    targets = [rounds.Limit(name, field, limit) for name in SIDES[:1]
               for field, limit in (("seconds", 20), ("peak_mb", 2048))]  # fmt: skip
    rounds.report(f"{options.rows:,} events in shards to a split", records, targets, out=options.out)
    print(json.dumps(records))


if __name__ == "__main__":
    main()
