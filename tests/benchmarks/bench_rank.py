"""Full-ranking evaluation of all test users of Beauty, top 20 of 12,101 items: ours and RecBole's."""
import sys
import tempfile
from pathlib import Path

import opponents
from rounds import Faster, arguments, measure, report, run

OURS = Path(__file__).with_name("ours.py")


def main() -> None:
    """Run every side once per round."""
    options = arguments(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events.txt"
        run([sys.executable, OURS, "export", events], options.threads)
        sides = {"ours": [sys.executable, OURS, "rank"], "RecBole": opponents.recbole("rank", events)}
        sides = {name: command for name, command in sides.items() if command}
        records = measure(sides, rounds=options.rounds, threads=options.threads)
    report(__doc__, records, [Faster("ours", "RecBole", 5)], out=options.out)


if __name__ == "__main__":
    main()
