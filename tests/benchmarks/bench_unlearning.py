"""Seconds of `cure`, `u_can` and the fixed rows against retraining a SASRec without 5 % of 1,000 invented users."""
import json
import os
import sys
import tempfile
from pathlib import Path

from rounds import Faster, arguments, measure, report

SIDES = ("retrain", "cure", "u_can", "gradient_ascent", "finetune_rest")


def ours(name: str) -> dict:
    """seconds: of forgetting, without the training of the base before it."""
    from workbench.experiment import open_bench

    run = open_bench("synthetic", profile="workshop", options={"users": 1000}).fit(name, users=0.05)
    return {"seconds": run.info["seconds"]["fit"]}


def main() -> None:
    """Run every side once per round; the base is trained once, by the first side of each round."""
    if sys.argv[1:2] == ["--side"]:
        print(json.dumps(ours(sys.argv[2])))
        return
    options, records = arguments(__doc__), []
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory() as home:
            os.environ["WORKBENCH_HOME"] = home
            sides = {name: [sys.executable, Path(__file__), "--side", name] for name in SIDES}
            records += [row | {"round": number + 1} for row in measure(sides, rounds=1, threads=options.threads)]
    report(__doc__, records, [Faster(name, "retrain", 10) for name in ("cure", "u_can")], out=options.out)


if __name__ == "__main__":
    main()
