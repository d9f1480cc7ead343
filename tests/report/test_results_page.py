"""The tables of reports/README.md are those that the scripts make of the stored results."""
import importlib.util
import json
import sys
from pathlib import Path

import pytest

REPORTS = Path(__file__).parents[2] / "reports"
PAGE = (REPORTS / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def script(monkeypatch):
    """Load a script of reports/results by name; its neighbours can be imported by it."""
    monkeypatch.syspath_prepend(str(REPORTS / "results"))

    def load(name: str):
        spec = importlib.util.spec_from_file_location(name, REPORTS / "results" / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


def between(begin: str, end: str) -> str:
    return PAGE.split(begin)[1].split(end)[0].strip("\n")


def test_results_are_those_of_the_files(script):
    reproduce = script("reproduce")
    assert reproduce.results_tables().strip("\n") == between(reproduce.BEGIN, reproduce.END)


def test_audits_are_those_of_the_files(script):
    script("reproduce")
    audit = script("reproduce_audit")
    paths = {name: audit.HERE / f"audit-{name}.json" for name in audit.DATASETS}
    stored = {name: json.loads(path.read_text()) for name, path in paths.items() if path.exists()}
    assert audit.markdown(audit.across(stored), audit.solvabilities()).strip("\n") == between(audit.BEGIN, audit.END)
