"""One training epoch of SASRec on Beauty, width 64, 2 layers, length 50, dropout .2: ours, SASRec.pytorch, RecBole."""
import sys
import tempfile
from pathlib import Path

import opponents
from rounds import Faster, Limit, arguments, measure, report, run

OURS = Path(__file__).with_name("ours.py")
EXACT, SAMPLED, PMIXER, RECBOLE = "ours, exact", "ours, 256 negatives", "SASRec.pytorch, 1 negative", "RecBole, exact"
PLAIN = "ours, exact, all logits at once"
TARGETS = [
    Faster(EXACT, PMIXER, 1.5), Faster(EXACT, RECBOLE, 18), Faster(SAMPLED, PMIXER, 4), Faster(EXACT, PLAIN, 1),
    Limit(EXACT, "above_data_mb", 500),
]


def main() -> None:
    """Run every side once per round."""
    options = arguments(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events.txt"
        run([sys.executable, OURS, "export", events], options.threads)
        sides = {
            EXACT: [sys.executable, OURS, "train", "full"],
            PMIXER: opponents.sasrec_pytorch(events),
            SAMPLED: [sys.executable, OURS, "train", "sampled"],
            PLAIN: [sys.executable, OURS, "train", "plain"],
            RECBOLE: opponents.recbole("train", events),
        }
        sides = {name: command for name, command in sides.items() if command}
        records = measure(sides, rounds=options.rounds, threads=options.threads)
    report(__doc__, records, TARGETS, out=options.out)


if __name__ == "__main__":
    main()
