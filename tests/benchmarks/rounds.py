"""Run the sides of a benchmark, each in its own process, in turn for several rounds; ratios are per round.

A side is a command whose last printed line is a JSON object with "seconds" and optional other fields. Peak memory and
CPU time come from the operating system when it ends; the rest of the machine's CPU time belongs to other processes.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Faster(NamedTuple):
    """Target: `side` takes at most 1 / at_least of the seconds of `against`, or of another field to minimize."""

    side: str
    against: str
    at_least: float
    field: str = "seconds"


class Limit(NamedTuple):
    """Target: a field of `side`, such as peak_mb, is below at_most in every round."""

    side: str
    field: str
    at_most: float


def arguments(description: str) -> argparse.Namespace:
    """The command-line options of all benchmarks."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="runs of each side (default: 3)")
    parser.add_argument("--threads", type=int, default=2, help="threads of each side (default: 2)")
    parser.add_argument("--out", type=Path, help="write all records and ratios to this JSON file")
    return parser.parse_args()


def measure(sides: dict[str, Sequence[str]], *, rounds: int, threads: int) -> list[dict]:
    """Run every side once per round. One record per run: round, side, peak_mb, others, and the fields it printed."""
    records = []
    for number in range(1, rounds + 1):
        for name, command in sides.items():
            record = {"round": number, "side": name, **run(command, threads)}
            records.append(record)
            print(f"round {number}  {name:<32} {record['seconds']:9.2f} s", file=sys.stderr, flush=True)
    return records


def run(command: Sequence[str], threads: int) -> dict:
    """Run one side once. others: share of the machine's CPU time used by other processes meanwhile, None if unknown."""
    env = os.environ | {"OMP_NUM_THREADS": str(threads), "WORKBENCH_PROGRESS": "none", "PYTHONUNBUFFERED": "1"}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        busy, start = _busy_seconds(), time.perf_counter()
        process = subprocess.Popen([str(part) for part in command], stdout=out, stderr=err, env=env)
        _, status, usage = os.wait4(process.pid, 0)  # unlike wait(), returns the resource usage of this process
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - start
        texts = [file.seek(0) or file.read() for file in (out, err)]
    if process.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{''.join(texts)[-3000:]}")
    others = None
    if busy is not None:
        others = max(0.0, _busy_seconds() - busy - usage.ru_utime - usage.ru_stime) / wall / os.cpu_count()
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return {"peak_mb": usage.ru_maxrss / unit, "others": others, **json.loads(texts[0].strip().splitlines()[-1])}


def ratios(records: list[dict], side: str, against: str, field: str = "seconds") -> list[float]:
    """The value of `against` divided by that of `side`, one ratio per round."""
    values = {name: [r[field] for r in records if r["side"] == name] for name in (side, against)}
    return [theirs / ours for ours, theirs in zip(values[side], values[against])]


def report(title: str, records: list[dict], targets: Sequence[Faster | Limit], *, out: Path | None = None) -> None:
    """Print the measurements of each side and whether the targets are met; targets of skipped sides are omitted."""
    names = list(dict.fromkeys(record["side"] for record in records))
    print(f"\n{title}\n\n{'side':<34}{'seconds per round':<28}{'median':>8}{'peak MB':>10}{'CPU of others':>18}")
    for name in names:
        of_side = [record for record in records if record["side"] == name]
        seconds = [record["seconds"] for record in of_side]
        others = " ".join("?" if r["others"] is None else f"{r['others']:.0%}" for r in of_side)
        listed = " ".join(f"{value:.2f}" for value in seconds)
        peak = max(record["peak_mb"] for record in of_side)
        print(f"{name:<34}{listed:<28}{statistics.median(seconds):>8.2f}{peak:>10.0f}{others:>18}")
    print(f"\n{'comparison':<62}{'per round':<23}{'median':>8}{'target':>10}")
    rows = [row for goal in targets if {goal.side, getattr(goal, "against", goal.side)} <= set(names)
            for row in [_outcome(goal, records)]]
    for row in rows:
        listed = " ".join(f"{value:.4g}" for value in row["rounds"])
        verdict = "" if row["met"] else "  missed"
        print(f"{row['comparison']:<62}{listed:<22} {row['median']:>8.4g}{row['target']:>10}{verdict}")
    if out:
        machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
        results = {"title": title, "machine": machine, "comparisons": rows, "records": records}
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(results, indent=1))


def _outcome(goal: Faster | Limit, records: list[dict]) -> dict:
    if isinstance(goal, Faster):
        values, name = ratios(records, goal.side, goal.against, goal.field), f"{goal.side} x {goal.against}"
        name += "" if goal.field == "seconds" else f", {goal.field}"
        met, bound = statistics.median(values) >= goal.at_least, f">= {goal.at_least:g}"
    else:
        values = [record[goal.field] for record in records if record["side"] == goal.side]
        name, met, bound = f"{goal.side}: {goal.field}", max(values) < goal.at_most, f"< {goal.at_most:g}"
    values = [float(f"{value:.4g}") for value in values]
    return {"comparison": name, "rounds": values, "median": statistics.median(values), "target": bound, "met": met}


def _busy_seconds() -> float | None:
    """CPU seconds used by all processes since boot, or None on systems without /proc."""
    try:
        fields = [int(value) for value in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    except OSError:
        return None
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")
