"""Trie-constrained beam search for 1,000 users of Beauty, 4 x 256 codes: ours and T5's `generate`; exact scoring."""
import sys
import tempfile
from pathlib import Path

import opponents
from rounds import Faster, Limit, arguments, measure, report, run

OURS = Path(__file__).with_name("ours_tiger.py")
SPEEDUPS = {10: 2.5, 20: 3, 50: 5}  # minimum, by beam width
EXACT = "ours, exact, small"


def main() -> None:
    """Run every side once per round."""
    options = arguments(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.npz"
        run([sys.executable, OURS, "export", data], options.threads)
        sides, targets = {}, []
        for width, speedup in SPEEDUPS.items():
            ours, theirs = f"ours, beam {width}", f"T5 generate, beam {width}"
            sides |= {ours: [sys.executable, OURS, "beam", width], theirs: opponents.t5("beam", data, width)}
            targets += [Faster(ours, theirs, speedup), Limit(ours, "difference", 1e-5)]
        sides[EXACT] = [sys.executable, OURS, "exact"]
        sides = {name: command for name, command in sides.items() if command}
        records = measure(sides, rounds=options.rounds, threads=options.threads)
    report(__doc__, records, [*targets, Limit(EXACT, "seconds", 120)], out=options.out)


if __name__ == "__main__":
    main()
