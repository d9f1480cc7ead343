"""The systems folder is the registry; it is parsed without importing the systems."""
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from workbench import systems
from workbench.data import Histories
from workbench.errors import UserError

BASELINES = [
    "category_popularity", "ease", "graph_heuristic", "graph_walk", "item_knn", "item_transitions", "popularity",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty registry and a function that adds a file to it."""
    monkeypatch.setattr(systems, "REGISTRY", replace(systems.REGISTRY, folder=tmp_path))

    def add(family: str, name: str, text: str) -> None:
        (tmp_path / family).mkdir(exist_ok=True)
        (tmp_path / family / f"{name}.py").write_text(text)

    return add


def test_lists_without_importing_torch():
    code = (
        "import sys; from workbench import systems as s\n"
        "for n in s.names(): print(n, s.family(n), s.describe(n), s.settings(n))\n"
        "assert not {'torch', 'pandas', 'scipy'} & set(sys.modules), 'a listing imported something heavy'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(f"{name} baselines " in done.stdout for name in BASELINES)


def test_names_families_and_descriptions():
    assert systems.names("baselines") == BASELINES
    assert set(BASELINES) <= set(systems.names()) and systems.names() == sorted(systems.names())
    with pytest.raises(UserError, match="unknown family 'baseline'; did you mean 'baselines'"):
        systems.names("baseline")
    assert systems.family("ease") == "baselines"
    assert (
        systems.describe("popularity") == "Popularity: recommends the items with the most train events to every user."
    )


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(UserError, match="unknown system 'popularty'; did you mean 'popularity'"):
        systems.load("popularty")
    for name in ("", "../baselines/ease", "*", "__init__"):
        with pytest.raises(UserError, match="unknown system"):
            systems.describe(name)


def test_settings_fill_in_defaults():
    assert systems.keywords("ease") == {"ridge": 200.0, "max_gb": 8.0}
    settings = systems.settings("ease", ridge=50)
    assert settings == {"ridge": 50.0, "max_gb": 8.0} and type(settings["ridge"]) is float
    assert systems.settings("popularity") == {}


def test_settings_of_unknown_name_or_type_are_errors():
    with pytest.raises(UserError, match="unknown keyword of ease 'rigde'; did you mean 'ridge'"):
        systems.settings("ease", rigde=1.0)
    with pytest.raises(UserError, match="ease: ridge must be float, not str 'much'"):
        systems.settings("ease", ridge="much")
    with pytest.raises(UserError, match="item_knn: last must be int, not bool True"):
        systems.settings("item_knn", last=True)
    with pytest.raises(UserError, match="item_knn: neighbours must be int, not float 2.5"):
        systems.settings("item_knn", neighbours=2.5)
    with pytest.raises(UserError, match="ease: ridge=nan must be a finite number"):
        systems.settings("ease", ridge=float("nan"))


def test_settings_of_every_type_of_default(folder):
    folder("f", "one", '"""One.\n\nMore."""\ndef build(bench, *, sizes=(1, 2), cap=None, on=False): ...\n')
    assert systems.names() == ["one"] and systems.describe("one") == "One."
    assert systems.settings("one", sizes=[3], cap=5, on=True) == {"sizes": (3,), "cap": 5, "on": True}
    with pytest.raises(UserError, match="on must be bool, not int 1"):
        systems.settings("one", on=1)


def test_invalid_system_files_are_named(folder):
    folder("f", "computed", "def build(bench, *, width=2 * 32): ...\n")
    folder("f", "required", "def build(bench, *, width): ...\n")
    folder("f", "empty", "")
    folder("f", "twice", "")
    folder("g", "twice", "")
    folder("g", "_private", "")
    for name in ("computed", "required"):
        with pytest.raises(UserError, match=f"'{name}'.*literal default"):
            systems.keywords(name)
    with pytest.raises(UserError, match="no build"):
        systems.keywords("empty")
    with pytest.raises(UserError, match="two systems are called 'twice'"):
        systems.describe("twice")
    assert "_private" not in systems.names()


def test_build_passes_the_bench_and_the_settings():
    train = Histories(np.arange(2001), np.ones(2000, np.int32), np.arange(2000, dtype=np.int32))
    bench = SimpleNamespace(split=SimpleNamespace(n_items=1000, train=train))
    assert systems.build("ease", bench, max_gb=1) is not None
    with pytest.raises(UserError, match=r"1,000 items need 0\.0 GB"):
        systems.build("ease", bench, max_gb=0.001)
