"""One training epoch of TIGER on Beauty, 131,413 targets, history of 20, 4 x 256 codes: our causal decoder and T5."""
import sys
import tempfile
from pathlib import Path

import opponents
from rounds import Faster, arguments, measure, report, run

OURS = Path(__file__).with_name("ours_tiger.py")
CAUSAL, PADDED, BUCKETED = "ours, all positions", "T5, padded to 80", "T5, length-bucketed"


def main() -> None:
    """Run every side once per round."""
    options = arguments(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.npz"
        run([sys.executable, OURS, "export", data], options.threads)
        sides = {
            CAUSAL: [sys.executable, OURS, "train"],
            PADDED: opponents.t5("padded", data),
            BUCKETED: opponents.t5("bucketed", data),
        }
        sides = {name: command for name, command in sides.items() if command}
        records = measure(sides, rounds=options.rounds, threads=options.threads)
    report(__doc__, records, [Faster(CAUSAL, PADDED, 10), Faster(CAUSAL, BUCKETED, 4.5)], out=options.out)


if __name__ == "__main__":
    main()
