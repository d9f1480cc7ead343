"""Ranking of 100,000 cases among the live, of 11.6 million rooms of 450,000 streamers in 21 days, as in KuaiLive."""
import json
import sys
import time
from pathlib import Path

import numpy as np
from rounds import Limit, arguments, measure, report

STREAMERS, ROOMS, CASES, WATCHED, SECONDS = 452_621, 11_613_708, 100_000, 50, 21 * 86_400
MEAN = 2_400  # seconds that a room is live: invented, the release says start and end of each
SIDES = ("popular_live", "watched_and_live", "candidates")


def world() -> tuple:
    """Windows, cases and train counts of this size; targets are live at their time."""
    from workbench.data import Cases, Histories
    from workbench.evaluate.live.windows import LiveWindows

    rng = np.random.default_rng(0)
    streamer = np.sort(rng.integers(1, STREAMERS + 1, ROOMS, dtype=np.int32))
    starts = rng.integers(0, SECONDS, ROOMS)
    ends = starts + 60 + rng.exponential(MEAN - 60, ROOMS).astype(np.int64)
    room = rng.integers(0, ROOMS, CASES)
    times = starts[room] + (rng.random(CASES) * (ends[room] - starts[room])).astype(np.int64)
    watched = rng.integers(1, STREAMERS + 1, CASES * WATCHED).astype(np.int32)
    users = Histories(np.arange(CASES + 1) * WATCHED, watched, np.arange(CASES, dtype=np.int32))
    counts = np.bincount(watched, minlength=STREAMERS + 1)
    return LiveWindows(streamer, starts, ends), Cases(users, streamer[room], times), counts


def ours(side: str) -> dict:
    """seconds: of the ranking, or of the candidates at the times of all cases; live: how many there are at a time."""
    from workbench.evaluate.live import rules
    from workbench.evaluate.live.time_valid import rank_among_live

    windows, cases, counts = world()
    since = time.perf_counter()
    if side == "candidates":
        offsets, _ = windows.candidates(cases.times[:10_000])
        return {"seconds": time.perf_counter() - since, "live": float(np.diff(offsets).mean())}
    found = rank_among_live(getattr(rules, side)(counts), cases, windows)
    assert found.valid.all()
    return {"seconds": time.perf_counter() - since, "live": float(found.live.mean())}


def main() -> None:
    """Run every side once per round."""
    if sys.argv[1:2] == ["--side"]:
        print(json.dumps(ours(sys.argv[2])))
        return
    options = arguments(__doc__)
    sides = {name: [sys.executable, Path(__file__), "--side", name] for name in SIDES}
    records = measure(sides, rounds=options.rounds, threads=options.threads)
    report(__doc__, records, [Limit(name, "seconds", 60) for name in SIDES[:2]], out=options.out)


if __name__ == "__main__":
    main()
