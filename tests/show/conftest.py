"""The hostile log as a bench, with and without timestamps, and runs trained on it; once per session."""
import sys

import ipykernel
import pytest
from hostile_titles import BASELINES, log

from workbench import experiment
from workbench.data.lint import lint


@pytest.fixture(scope="session")
def bench(tmp_path_factory):
    return experiment.open_bench("csv", profile="smoke", options=log(tmp_path_factory.mktemp("log")))


@pytest.fixture(scope="session")
def timeless(tmp_path_factory):
    return experiment.open_bench("csv", profile="smoke", options=log(tmp_path_factory.mktemp("log"), timed=False))


@pytest.fixture
def in_notebook(monkeypatch):
    """Simulate the kernel of a notebook in a browser; returns the list of what is displayed there."""
    shown = []
    monkeypatch.setenv("JPY_SESSION_NAME", "x")
    monkeypatch.setitem(sys.modules, "ipykernel", ipykernel)
    monkeypatch.setattr("IPython.display.display", shown.append)
    return shown


@pytest.fixture(scope="session")
def runs(bench):
    return [bench.fit(name) for name in BASELINES] + [bench.fit("sasrec", epochs=2, width=16)]


@pytest.fixture(scope="session")
def report(bench):
    return lint(bench.dataset, bench.protocol)
