"""JupyterLab in a real browser: our command starts it, every notebook runs, controls respond to the keyboard and have
accessible names, figures are readable in the dark theme, and no title runs as code."""
import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from chromium import needed
from lab_checks import (
    a_list_follows_the_slider,
    captures_its_keys,
    completes,
    has_accessible_names,
    is_readable,
    letters_find_items,
    lists_follow_the_case,
    menu,
    no_title_runs,
    runs,
)
from live_lab import Lab
from show.hostile_titles import log

from workbench import notebooks
from workbench.__main__ import main

pytestmark = needed


def use_few_users(root: Path) -> None:
    """As many as where papermill runs the notebooks, whose trained systems are in the same home."""
    for path in root.rglob("*.ipynb"):
        path.write_text(path.read_text(encoding="utf-8").replace("options = {}", "options = {'users': 600}"), "utf-8")


def add_hostile_copies(root: Path) -> None:
    """Copies of the notebooks whose parameters name a log with malicious titles."""
    (root / "hostile").mkdir()
    options = json.dumps(log(root / "hostile"))
    for name in (name for name in CHECKS if name.startswith("hostile/")):
        text = json.loads((root / Path(name).with_suffix(".ipynb").name).read_text(encoding="utf-8"))
        cell = next(cell for cell in text["cells"] if "parameters" in cell["metadata"].get("tags", ()))
        parameters = "".join(cell["source"]).replace('"synthetic"', '"csv"')
        cell["source"] = parameters.replace("options = {}", f"options = {options}")
        (root / f"{name}.ipynb").write_text(json.dumps(text), encoding="utf-8")


@pytest.fixture(scope="module")
def lab(home, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    lab = Lab(folder, home)
    try:
        add_hostile_copies(lab.root)
        use_few_users(lab.root)
        lab.enter()
        yield lab
    finally:
        lab.close()


@pytest.fixture(scope="module")
def opened(lab):
    """A function that opens a notebook and runs it, unless it is open already."""
    current = []

    def open_notebook(name: str) -> Lab:
        if current != [name]:
            lab.leave()
            current[:] = [name]
            print(f"{name}: {lab.run_all(name):.1f} s")
        return lab

    return open_notebook


CHECKS = {
    "00_start_here": (runs, menu("user"), has_accessible_names, is_readable),
    "01_explore_dataset": (
        runs, menu("user"), letters_find_items, has_accessible_names, captures_its_keys, is_readable
    ),
    "02_train_tokenizer": (runs, menu("code 2", "code 1", "tokenizer"), has_accessible_names, is_readable),
    "03_train_recommender": (runs, menu("the beam after", "user"), has_accessible_names, is_readable),
    "04_probe_with_sae": (runs, a_list_follows_the_slider, menu("user"), has_accessible_names, is_readable),
    "05_diagnose_benchmark": (runs, lists_follow_the_case, menu("stratum"), has_accessible_names, is_readable),
    "06_compare_systems": (runs, menu("hit by", "first system"), has_accessible_names, is_readable),
    "07_read_a_system": (runs, menu("system"), has_accessible_names, is_readable),
    "topics/language_of_items": (runs, menu("user"), has_accessible_names, is_readable),
    "topics/read_time_and_interest": (runs, has_accessible_names, is_readable),
    "topics/graphs": (runs, has_accessible_names, is_readable),
    "topics/conversation": (runs, menu("user"), has_accessible_names, is_readable),
    "topics/slates_and_returns": (runs, has_accessible_names, is_readable),
    "topics/choose_data": (runs, has_accessible_names, is_readable),
    "topics/forgetting": (
        runs, menu("user", within="js-plotly-plot", part=".gtitle"), has_accessible_names, is_readable
    ),
    "topics/language_models": (runs, menu("user"), has_accessible_names, is_readable),
    "workshop/1_spell_an_item": (runs, is_readable),
    "workshop/2_what_a_sasrec_knows": (runs, is_readable),
    "workshop/3_solvable_by_a_shortcut": (runs, is_readable),
    "hostile/01_explore_dataset": (completes, menu("user"), no_title_runs),
    "hostile/02_train_tokenizer": (completes, menu("code 1"), no_title_runs),
    "hostile/05_diagnose_benchmark": (completes, menu("stratum"), no_title_runs),
}

QUICK = {"00_start_here", "hostile/02_train_tokenizer"}
OTHERS = pytest.mark.slow  # papermill runs every notebook in `make test`, so here a few of each kind are enough


@pytest.mark.parametrize("name, check", [
    pytest.param(name, check, marks=() if name in QUICK else OTHERS)
    for name, checks in CHECKS.items() for check in checks
])  # fmt: skip
def test_notebook(opened, name, check):
    check(opened(name))


def test_every_notebook_is_checked():
    expected = {str(path.relative_to(notebooks.folder()).with_suffix("")) for path in
             (*notebooks.series(), *notebooks.topics(), *notebooks.workshop())}  # fmt: skip
    assert expected == {name for name in CHECKS if not name.startswith("hostile/")}


def test_the_server_requires_its_token(lab):
    with urllib.request.urlopen(f"{lab.address}api/contents?token={lab.token}") as answer:
        names = {entry["name"] for entry in json.load(answer)["content"]}
    assert {path.name for path in notebooks.series()} | {"workshop"} <= names
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{lab.address}api/contents")


def test_a_missing_folder(tmp_path, capsys):
    assert main(["lab", "--folder", str(tmp_path / "nowhere")]) == 2
    assert "no such folder; name another one with --folder" in capsys.readouterr().err
