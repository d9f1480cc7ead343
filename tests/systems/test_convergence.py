"""In the smoke profile trained systems converge: a run cut off while it improves is no evidence about its system."""
import json
from pathlib import Path

import pytest

from workbench import systems
from workbench.data import datasets
from workbench.evaluate import evaluate
from workbench.experiment import open_bench
from workbench.train import Recipe

GOLDEN = Path(__file__).parents[1] / "golden"
TRAINED = [name for name in systems.names() if systems.load(name).RECIPE != Recipe()]
SLOW_LEARNERS = {"bert4rec"}  # still rising after three times the epochs; its run says so


def is_slow(name: str) -> bool:
    """Whether the default run is not that of the golden value, which the session has made already."""
    return bool(json.loads((GOLDEN / f"{name}.json").read_text())["changes"])


@pytest.fixture(scope="module")
def office_sample(real, tmp_path_factory):
    """A log of 500 users of Office as a CSV file: few events for many items."""
    events = datasets.load("office").interactions
    events = events[events["user"] < 500].sort_values(["user", "row"])
    path = tmp_path_factory.mktemp("office") / "log.csv"
    events.assign(timestamp=range(len(events)))[["user", "item", "timestamp"]].to_csv(path, index=False)
    return open_bench("csv", profile="smoke", options={"path": str(path)})


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if is_slow(n) else []) for n in TRAINED])
def test_smoke_converges_on_the_synthetic_bench_or_the_run_says_so(name):
    run = open_bench("synthetic", profile="smoke", device="cpu").fit(name)
    assert run.still_rising == (name in SLOW_LEARNERS), [row.get("ndcg@10") for row in run.curve]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in TRAINED if name not in SLOW_LEARNERS])
def test_smoke_converges_on_a_small_log(name, office_sample):
    run = office_sample.fit(name)
    assert not run.still_rising, [row.get("ndcg@10") for row in run.curve]


def test_sasrec_on_a_small_log_comes_near_a_rule(office_sample):
    """On validation. After 20 epochs of eight steps each it had half of the score of item transitions."""
    run, split = office_sample.fit("sasrec"), office_sample.split
    rule = office_sample.build("item_transitions")
    rule.fit(split, None)
    score = evaluate(rule, split.valid, split, quiet=True).metrics(split.valid, split)["ndcg@10"]
    assert not run.still_rising and max(row.get("ndcg@10", 0.0) for row in run.curve) > 0.65 * score
