"""Run an unmodified checkout of pmixer/SASRec.pytorch: seconds of its second epoch, from the times of its log lines.

usage: sasrec_pytorch.py CHECKOUT EVENTS, where EVENTS holds lines of "user item". Needs torch and numpy.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LOSS = re.compile(r"loss in epoch (\d+) iteration (\d+)")


def main(checkout: str, events: str) -> None:
    """Run its main.py in a temporary folder and print one JSON line."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "data").mkdir()
        os.symlink(Path(events).resolve(), Path(folder) / "data" / "Events.txt")
        options = dict(dataset="Events", train_dir="run", maxlen=50, hidden_units=64, num_heads=2, num_blocks=2,
                       batch_size=256, dropout_rate=0.2, device="cpu", num_epochs=2)
        command = [sys.executable, str(Path(checkout).resolve() / "python" / "main.py")]
        command += [f"--{name}={value}" for name, value in options.items()]
        ended, steps = {}, 0
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        lines = []
        for line in process.stdout:
            lines.append(line)
            if match := LOSS.search(line):
                ended[int(match[1])] = time.perf_counter()
                steps += match[1] == "2"
        if process.wait() or 2 not in ended:
            sys.exit("".join(lines[-20:]))
    print(json.dumps({"seconds": ended[2] - ended[1], "steps": steps}))


if __name__ == "__main__":
    main(*sys.argv[1:])
