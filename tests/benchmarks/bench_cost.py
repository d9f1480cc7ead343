"""What the machinery costs: keys, listings, metrics for sets, phases, and a study with two jobs against one."""
import sys
from pathlib import Path

from rounds import Faster, Limit, arguments, measure, report

OWN = Path(__file__).with_name("machinery.py")
SIDES = ("keys", "help", "systems", "datasets", "sets", "phases", "study 1", "study 2")
TARGETS = [
    Limit("keys", "seconds", 1), Limit("help", "seconds", 0.25), Limit("systems", "seconds", 0.25),
    Limit("datasets", "seconds", 0.25), Limit("sets", "seconds", 0.5), Limit("phases", "ratio", 1.02),
    Faster("study 2", "study 1", 1.7),
]


def main() -> None:
    """Run every side once per round. The study needs two cores that nothing else uses."""
    options = arguments(__doc__)
    sides = {name: [sys.executable, OWN, *name.split()] for name in SIDES}
    records = measure(sides, rounds=options.rounds, threads=1)
    report(__doc__, records, TARGETS, out=options.out)


if __name__ == "__main__":
    main()
