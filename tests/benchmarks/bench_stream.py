"""Ten windows of invented clicks, 20,000 users: predicted and observed by `reloop2`, by the same model without memory,
and by `tuned_ctr`."""
import json
import sys
from pathlib import Path

from rounds import Faster, arguments, measure, report

SIDES = ("served_ctr", "reloop2", "tuned_ctr")


def ours(name: str) -> dict:
    """seconds: of predicting and observing all windows, without the training before them."""
    from workbench.evaluate.streams.prequential import prequential
    from workbench.experiment import open_bench
    from workbench.train.runtime import configure_runtime

    configure_runtime("cpu")
    bench = open_bench("synthetic-clicks", profile="workshop", options={"users": 20_000})
    observer = bench.build(name)
    prequential(observer, quiet=True)  # warms up
    return {"seconds": sum(prequential(observer, quiet=True).seconds.values())}


def main() -> None:
    """Run every side once per round."""
    if sys.argv[1:2] == ["--side"]:
        print(json.dumps(ours(sys.argv[2])))
        return
    options = arguments(__doc__)
    records = measure(
        {name: [sys.executable, Path(__file__), "--side", name] for name in SIDES},
        rounds=options.rounds, threads=options.threads,
    )  # fmt: skip
    report(__doc__, records, [Faster("reloop2", "served_ctr", 0.5)], out=options.out)


if __name__ == "__main__":
    main()
