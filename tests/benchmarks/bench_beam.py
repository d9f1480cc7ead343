"""A thousand users of Beauty inside the trie, 4 x 256 codes: our beam search and `generate`; and all items exactly."""
import sys
import tempfile
from pathlib import Path

import opponents
from rounds import Faster, Limit, arguments, measure, report, run

OURS = Path(__file__).with_name("ours_tiger.py")
WIDTHS = {10: 2.5, 20: 3, 50: 5}  # beam: how many times faster
EXACT = "ours, exact, small"


def main() -> None:
    """Every side once a round."""
    options = arguments(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.npz"
        run([sys.executable, OURS, "export", data], options.threads)
        sides, wanted = {}, []
        for width, times in WIDTHS.items():
            ours, theirs = f"ours, beam {width}", f"T5 generate, beam {width}"
            sides |= {ours: [sys.executable, OURS, "beam", width], theirs: opponents.t5("beam", data, width)}
            wanted += [Faster(ours, theirs, times), Limit(ours, "difference", 1e-5)]
        sides[EXACT] = [sys.executable, OURS, "exact"]
        sides = {name: command for name, command in sides.items() if command}
        records = measure(sides, rounds=options.rounds, threads=options.threads)
    report(__doc__, records, [*wanted, Limit(EXACT, "seconds", 120)], out=options.out)


if __name__ == "__main__":
    main()
