"""Choose the settings of item_transitions on Beauty's validation set, leave-one-out, history not masked.

    python reports/results/tune_item_transitions.py

Every grid point is fitted on train and evaluated on `split.valid`; the test set is evaluated for the chosen settings
alone, after they are chosen. The second grid goes on where the best point of the first lay at an edge. Points that the
result file holds already are not evaluated again. A quarter of an hour on one thread for all of them.
"""
import json
from itertools import product
from pathlib import Path

from workbench.artifacts import write_text
from workbench.evaluate import evaluate
from workbench.experiment import Bench, open_bench
from workbench.progress import track

FILE = Path(__file__).parent / "tune-item-transitions.json"
METRIC = "ndcg@10"
GRIDS = (
    {"window": (5, 10, 20), "gap_decay": (0.5, 1.0, 2.0), "last": (5, 10, 0), "decay": (0.3, 0.5, 0.7),
     "shrinkage": (0.0, 5.0, 20.0)},
    {"window": (10, 20), "gap_decay": (0.0, 0.5), "last": (0,), "decay": (0.3, 0.5),
     "shrinkage": (20.0, 50.0, 100.0, 200.0, 500.0)},
)  # fmt: skip


def tune(bench: Bench, grids: tuple[dict, ...], known: list[dict]) -> dict:
    """The validation score of every point of `grids`, the best one (the first of equally good ones), and its score on
    test. known: points that were evaluated before."""
    scores = {_key(row): row[METRIC] for row in known}
    every = [dict(zip(grid, values, strict=True)) for grid in grids for values in product(*grid.values())]
    points = list({_key(point): point for point in every}.values())
    for point in track([point for point in points if _key(point) not in scores], "tune", unit="settings"):
        scores[_key(point)] = score(bench, point, "valid")
    chosen = max(points, key=lambda point: scores[_key(point)])
    return {
        "system": "item_transitions", "dataset": bench.name, "data_hash": bench.split.data_hash,
        "protocol": bench.protocol.dict(), "metric": METRIC, "chosen": chosen, "valid": scores[_key(chosen)],
        "test": score(bench, chosen, "test"), "points": [point | {METRIC: scores[_key(point)]} for point in points],
    }  # fmt: skip


def score(bench: Bench, settings: dict, part: str) -> float:
    """The metric of item_transitions with these settings on the "valid" or the "test" cases."""
    recommender, cases = bench.build("item_transitions", **settings), getattr(bench.split, part)
    recommender.fit(bench.split, None)
    return round(evaluate(recommender, cases, bench.split, quiet=True).metrics(cases, bench.split)[METRIC], 6)


def _key(point: dict) -> tuple:
    return tuple(point[name] for name in GRIDS[0])


def main() -> None:
    bench = open_bench("beauty", profile="paper")
    stored = json.loads(FILE.read_text()) if FILE.exists() else {}
    known = stored["points"] if stored.get("data_hash") == bench.split.data_hash else []
    result = tune(bench, GRIDS, known)
    write_text(FILE, json.dumps(result, indent=1) + "\n")
    print({name: result[name] for name in ("chosen", "valid", "test")})


if __name__ == "__main__":
    main()
