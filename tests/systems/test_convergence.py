"""In the smoke profile trained systems converge: a run cut off while it improves is no evidence about its system."""
import json
from pathlib import Path

import pytest

from workbench import systems
from workbench.data import datasets
from workbench.experiment import open_bench
from workbench.systems.built_in_worlds import world_of
from workbench.train import Recipe

GOLDEN = Path(__file__).parents[1] / "golden"
RANKING = [name for name in systems.names() if systems.verb(name) in ("rank", "rescore")]  # others train one of them
TRAINED = [name for name in RANKING if systems.load(name).RECIPE != Recipe()]
SLOW_LEARNERS = {"bert4rec", "desmil", "dtrec", "mclrec"}  # they rise beyond the epochs of smoke; their runs say so


def is_slow(name: str) -> bool:
    """Whether the default run is not that of a golden value that the session has made already."""
    golden = json.loads((GOLDEN / f"{name}.json").read_text())
    return bool(golden["changes"]) or golden.get("slow", False)


@pytest.fixture(scope="module")
def office_sample(real, tmp_path_factory):
    """A log of 500 users of Office as a CSV file, with titles: few events for many items."""
    office = datasets.load("office")
    events = office.interactions[office.interactions["user"] < 500].sort_values(["user", "row"])
    events = events.assign(timestamp=range(len(events)), title=office.titles()[events["item"]])
    path = tmp_path_factory.mktemp("office") / "log.csv"
    events[["user", "item", "timestamp", "title"]].to_csv(path, index=False)
    return open_bench("csv", profile="smoke", options={"path": str(path), "item_title": "title"})


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if is_slow(n) else []) for n in TRAINED])
def test_smoke_converges_on_the_synthetic_bench_or_the_run_says_so(name):
    run = open_bench(world_of(name), profile="smoke", device="cpu").fit(name)
    assert run.still_rising == (name in SLOW_LEARNERS), [row.get("ndcg@10") for row in run.curve]


@pytest.mark.parametrize("name", [
    pytest.param(n, marks=[] if n == "sasrec" else [pytest.mark.slow]) for n in TRAINED
    if n not in SLOW_LEARNERS and world_of(n) == "synthetic"
])
def test_smoke_converges_on_a_small_log(name, office_sample):
    run = office_sample.fit(name)
    assert not run.still_rising, [row.get("ndcg@10") for row in run.curve]
