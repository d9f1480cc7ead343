"""Golden values: the metric of each system in a small, fixed run, with a tolerance that can detect a broken system.

`make test` runs those that take a few seconds; the others, which have `"slow": true`, are for `make test-full`.
A file tests/golden/<system>.json is rejected unless its tolerance is below half the distance to both references:
`baseline` (popularity in the same run, of what acts or is served the lowest rule of its family) and `untrained` (the
system before fit; for popularity, random ranking).
`python tests/test_golden.py [SYSTEM ...] [--set epochs=20]` measures seeds 0-4 and writes the files, of all systems if
none is named; --set is for a system that needs more training than the profile allows to beat the references.
"""
import argparse
import ast
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from workbench import experiment, systems
from workbench.evaluate.episodes.rollout import rollout
from workbench.evaluate.sets.cases import evaluate_sets
from workbench.evaluate.streams.prequential import prequential
from workbench.experiment.around_base import inner
from workbench.systems.built_in_worlds import world_of

FOLDER = Path(__file__).parent / "golden"
FILES = sorted(FOLDER.glob("*.json"))
FIELDS = {"system", "changes", "dataset", "profile", "seed", "metric", "value", "tolerance", "baseline", "untrained"}
LONG = 4  # seconds of processor time, from which a golden run is slow
LOWEST = {"conversational": ("random_questions", "greatest_entropy"),  # rules in the place of popularity
          "bandit": ("popular_slate", "greedy_slate"), "session": ("random_items", "rotating_taste"),
          "streaming": ("overall_rate", "item_rate"), "sets": ("popular_set", "repeat_last"),
          "music": ("random_clips", "popular_clips"), "assistant": ("every_screen", "rolling_summary")}  # fmt: skip
MACHINES = 0.002  # between processors and builds at one seed: another summation order changes a few ranks


def check(golden: dict) -> None:
    """AssertionError if a golden value is incomplete, or so tolerant that a broken system would pass."""
    assert set(golden) - {"slow"} == FIELDS, f"fields {sorted(golden)}, expected {sorted(FIELDS)}"
    assert golden["tolerance"] > 0
    references = [golden[name] for name in ("baseline", "untrained") if golden[name] is not None]
    assert references, "baseline or untrained must be a number"
    assert golden["baseline"] is not None or golden["system"] == "popularity"
    for reference in references:
        half = abs(golden["value"] - reference) / 2
        assert golden["tolerance"] < half, f"vacuous: tolerance {golden['tolerance']} is not under {half:.4f}"


def run(golden: dict) -> experiment.Run:
    """The run of a golden value."""
    bench = experiment.open_bench(golden["dataset"], profile=golden["profile"], seed=golden["seed"], device="cpu")
    return bench.fit(golden["system"], **golden["changes"])


def test_every_system_has_a_golden_value():
    assert {path.stem for path in FILES} == set(systems.names()), "run: python tests/test_golden.py SYSTEM"


def golden_values() -> list:
    """The files as parameters of a test, the long ones marked slow."""
    slow = [path for path in FILES if json.loads(path.read_text()).get("slow")]
    return [pytest.param(path, marks=[pytest.mark.slow] if path in slow else [], id=path.stem) for path in FILES]


@pytest.mark.parametrize("path", golden_values())
def test_golden_value(path):
    golden = json.loads(path.read_text())
    assert golden["system"] == path.stem
    check(golden)
    assert run(golden).metrics[golden["metric"]] == pytest.approx(golden["value"], abs=golden["tolerance"])


@pytest.mark.parametrize(
    "change",
    [
        {"tolerance": 0.021},  # half the distance to the baseline is 0.02
        {"untrained": 0.095},
        {"baseline": None},
        {"tolerance": 0.0},
        {"value": 0.06},
    ],
)
def test_vacuous_values_are_rejected(change):
    valid = dict.fromkeys(FIELDS) | {"system": "sasrec", "value": 0.1, "tolerance": 0.01, "baseline": 0.06}
    check(valid)
    with pytest.raises(AssertionError):
        check(valid | change)


def untrained(bench: experiment.Bench, system: str, changes: dict, metric: str) -> float | None:
    """The metric of the system before fit; of random ranking for popularity; None if it cannot recommend before fit."""
    from workbench.evaluate import evaluate
    from workbench.evaluate.metrics import per_case

    test = bench.split.test
    if system == "popularity":
        ranks = np.arange(1, bench.split.n_items + 1, dtype=np.int32)
        return float(per_case(metric, np.where(ranks <= 20, ranks, 0), None).mean())
    recommender = inner(bench.build(system, **bench.plan(system, **changes)[0]))
    if systems.verb(system) == "prescribe":
        learns = all(hasattr(model, "module") for model in recommender.models)
        return float(evaluate_sets(recommender)[metric].mean()) if learns else None
    if not hasattr(recommender, "module"):
        return None
    if systems.verb(system) == "act":
        return float(rollout(recommender, recommender.world("test"))[metric].mean())
    if systems.verb(system) == "observe":
        return float(prequential(recommender, quiet=True).measures[metric].mean())
    return evaluate(recommender, test, bench.split, quiet=True).metrics(test, bench.split)[metric]


def measure(system: str, *, changes: dict, dataset: str, profile: str, metric: str) -> dict:
    """A golden value: the metric at seed 0; its tolerance is four standard deviations over seeds 0-4."""
    config = {"system": system, "changes": changes, "dataset": dataset, "profile": profile, "seed": 0, "metric": metric}
    since = time.process_time()
    scores = [run(config | {"seed": seed}).metrics[metric] for seed in range(5)]
    slow = {"slow": True} if time.process_time() - since > 5 * LONG else {}
    bench = experiment.open_bench(dataset, profile=profile, seed=0, device="cpu")
    measured = systems.verb(system) in ("act", "observe", "prescribe")
    rules = LOWEST[systems.family(system)] if measured else ("popularity", None)
    rule = rules[system == rules[0]]
    baseline = None if rule is None else bench.fit(rule).metrics[metric]
    before = untrained(bench, system, changes, metric)
    tolerance = max(MACHINES, 4 * float(np.std(scores, ddof=1)))
    numbers = {"value": scores[0], "tolerance": tolerance, "baseline": baseline, "untrained": before}
    golden = config | {name: number if number is None else round(number, 5) for name, number in numbers.items()}
    golden |= slow
    check(golden)
    return golden


def main() -> None:
    """Measure golden values and write the files."""
    parser = argparse.ArgumentParser(description="Measure golden values at seeds 0-4 and write tests/golden/*.json.")
    parser.add_argument("systems", nargs="*")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE")
    parser.add_argument("--dataset", default="", help="default: that of the contract tests")
    parser.add_argument("--profile", default="smoke")
    parser.add_argument("--metric", default="", help="default: that of the family")
    options = vars(parser.parse_args())
    pairs = dict(pair.split("=", 1) for pair in options.pop("set"))
    options["changes"] = {name: ast.literal_eval(value) for name, value in pairs.items()}
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"WORKBENCH_HOME": home, "OMP_NUM_THREADS": "1"}
        for system in options.pop("systems") or systems.names():
            usual = {"dataset": world_of(system), "metric": systems.kind(system).metric}
            golden = measure(system, **options | {name: options[name] or usual[name] for name in usual})
            (FOLDER / f"{system}.json").write_text(json.dumps(golden, indent=1) + "\n")
            print(golden)


if __name__ == "__main__":
    main()
