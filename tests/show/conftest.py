"""The hostile log opened, with and without times, and what was trained on it; once for all tests of figures."""
import sys

import ipykernel
import pytest
from hostile_shop import FLOORS, log

from workbench import experiment
from workbench.data.lint import lint


@pytest.fixture(scope="session")
def bench(tmp_path_factory):
    return experiment.open_bench("csv", profile="smoke", options=log(tmp_path_factory.mktemp("log")))


@pytest.fixture(scope="session")
def timeless(tmp_path_factory):
    return experiment.open_bench("csv", profile="smoke", options=log(tmp_path_factory.mktemp("log"), timed=False))


@pytest.fixture
def listening(monkeypatch):
    """This process is the kernel of a notebook that a browser shows; the list of what is displayed there."""
    shown = []
    monkeypatch.setenv("JPY_SESSION_NAME", "x")
    monkeypatch.setitem(sys.modules, "ipykernel", ipykernel)
    monkeypatch.setattr("IPython.display.display", shown.append)
    return shown


@pytest.fixture(scope="session")
def runs(bench):
    return [bench.fit(name) for name in FLOORS] + [bench.fit("sasrec", epochs=2, width=16)]


@pytest.fixture(scope="session")
def report(bench):
    return lint(bench.dataset, bench.protocol)
