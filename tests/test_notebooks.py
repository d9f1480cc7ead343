"""Every notebook keeps to the rules of `lint` and runs in the smoke profile; every rule of `lint` is tested."""
import json
from pathlib import Path

import nbformat
import pytest
from canned import code, folded, prose, save

from workbench import notebooks, report
from workbench.errors import UserError
from workbench.notebooks.parameters import cell_source, declared_parameters, has_tag

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(path for path in FOLDER.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
FEW = {"profile": "smoke", "options": {"users": 300}}  # `make report` and the slow tests take all users

GOOD = (
    "from workbench import experiment, notebooks",
    prose("We expect two."),
    code("two = ...", "exercise"),
    folded("# a solution\nif two is ...:\n    two = 2", "solution"),
    folded("# the check\nnotebooks.check_answer(two, 2, otherwise='add one and one')", "check"),
    prose("Keep it."),
    "notebooks.glue(two=2)",
)


def names(path: Path) -> str:
    return str(path.relative_to(FOLDER))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names)
def test_notebook_keeps_the_rules(path):
    assert notebooks.lint(path) == []


def few(path: Path) -> dict:
    """The parameters of a short run, as far as the notebook has them."""
    return {name: value for name, value in FEW.items() if name in declared_parameters(path)}


@pytest.mark.parametrize("path", [
    pytest.param(path, marks=() if path.parent == FOLDER else pytest.mark.slow, id=names(path)) for path in NOTEBOOKS
])  # fmt: skip
def test_notebook_runs(path, tmp_path):
    """Those of folders are slow: below, and in test_workshop.py, their cells run without a kernel."""
    result = notebooks.run(path, parameters=few(path), out=tmp_path, timeout=180)
    assert result.ok, f"code cell {result.cell}: {result.error}"
    text = report.export_notebook(result.executed).read_text()
    assert "FAILED" not in text and len(text) < 8e6
    assert notebooks.glued(result.executed), "the save cell must glue something"


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path.parent.name == "topics"], ids=names)
def test_the_cells_of_a_topic_run(path, capsys):
    values = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            exec(compile(cell_source(cell), f"{path.name}, {cell['id']}", "exec"), values)
            values |= few(path) if has_tag(cell, "parameters") else {}
    assert "FAILED" not in capsys.readouterr().out


def test_each_notebook_of_the_series_has_a_cover():
    for path in notebooks.series():
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        assert sum(has_tag(cell, "cover") for cell in cells) == 1, path.name


def test_the_series_is_every_numbered_notebook():
    assert {path for path in NOTEBOOKS if path.parent == FOLDER and path.name[:2].isdigit()} == set(notebooks.series())


def test_a_good_notebook_passes(tmp_path):
    assert notebooks.lint(save(tmp_path / "nb.ipynb", *GOOD)) == []
    own = code("class A:\n    pass", "own-model")
    assert notebooks.lint(save(tmp_path / "nb.ipynb", *GOOD[:1], prose("x"), own, *GOOD[1:])) == []


@pytest.mark.parametrize(
    "cells, problem",
    [
        (["import os\nimport sys", *GOOD], "imports belong in one cell; they are in code cells 2, 3"),
        (["from x import a, b, c, d, e, f, g, h, i", *GOOD[1:]], "code cell 2: 9 names imported"),
        ([*GOOD[:5], "3", *GOOD[5:]], "code cell 6: no text before it"),
        (GOOD[:-1], "must be the save cell"),
        ([*GOOD[:1], prose("x"), "\n".join("x = 1" for _ in range(13)), *GOOD[1:]], "code cell 3: 13 lines; 12"),
        ([*GOOD[:1], *(cell for _ in "ab" for cell in (prose("x"), code("1", "cover"))), *GOOD[1:]],
         "one cell at most is tagged"),
        ([*GOOD[:1], prose("x"), "class A:\n    pass", *GOOD[1:]], "code cell 3: line 1: a class"),
        ([*GOOD[:1], prose("x"), code("class A:\n    pass\na = A()", "own-model"), *GOOD[1:]], "defines one class and"),
        ([*GOOD[:1], prose("x"), "try:\n    f()\nexcept E:\n    g()", *GOOD[1:]], "line 1: try"),
        ([*GOOD[:1], prose("x"), "x = 1\nwhile x:\n    x = 0", *GOOD[1:]], "line 2: while"),
        ([*GOOD[:1], prose("x"), "for b in data:\n    loss(b).backward()", *GOOD[1:]], "line 1: a training loop"),
        ([*GOOD[:1], prose("x"), "%pip install x", *GOOD[1:]], "'%pip install x': no magics"),
        ([*GOOD[:1], prose("x"), "!ls", *GOOD[1:]], "'!ls': no magics"),
        ([*GOOD[:1], prose("x"), "x = = 1", *GOOD[1:]], "not Python"),
        ([*GOOD[:1], prose("x"), "interact(f, k=3)", *GOOD[1:]], "raw widgets"),
        ([*GOOD[:1], prose("x"), "with W.Output():\n    f()", *GOOD[1:]], "raw widgets"),
        (["from tqdm.auto import tqdm", *GOOD[1:]], "tqdm's notebook bars"),
        ([*GOOD[:1], prose("x"), "HTML(f'<b>{title}</b>')", *GOOD[1:]], "raw HTML"),
        ([*GOOD[:1], prose("x"), "W.HTML('<b>' + title)", *GOOD[1:]], "raw HTML"),
        ([*GOOD[:1], prose("x"), "W.HTML(value=title)", *GOOD[1:]], "raw HTML"),
        ([*GOOD[:1], prose("x"), "sys.path.insert(0, '..')", *GOOD[1:]], "changing paths or the environment"),
    ],
)
def test_each_rule_reports_its_violation(tmp_path, cells, problem):
    problems = notebooks.lint(save(tmp_path / "nb.ipynb", *cells))
    assert len(problems) == 1 and problem in problems[0], problems


def test_rules_about_the_whole_file(tmp_path):
    path = save(tmp_path / "nb.ipynb", *GOOD, parameters=None)
    assert notebooks.lint(path) == ["one code cell must be tagged `parameters`; 0 are"]
    path = save(tmp_path / "nb.ipynb", *GOOD, parameters="seed = int('0')")
    assert notebooks.lint(path) == ["parameters cell: line 1 is not a literal: seed = int('0')"]
    path = save(tmp_path / "nb.ipynb", *GOOD)
    stored = json.loads(path.read_text())
    stored["cells"][0]["source"] = "# A statement."
    stored["cells"][2]["execution_count"] = 3
    stored["metadata"]["widgets"] = {}
    del stored["cells"][1]["id"]
    path.write_text(json.dumps(stored))
    problems = notebooks.lint(path)
    wanted = ("asks a question", "strip them", "metadata of a run is stored: widgets", "an id of its own")
    assert len(problems) == 4 and all(words in problem for words, problem in zip(wanted, problems, strict=True))


def test_an_executed_copy_does_not_pass(tmp_path):
    path = save(tmp_path / "nb.ipynb", "print(1)")
    executed = notebooks.run(path, parameters={}, out=tmp_path / "out").executed
    assert any("strip them" in problem for problem in notebooks.lint(executed))
    assert nbformat.read(executed, as_version=4).cells[2].outputs


def test_lint_of_a_file_that_is_not_a_notebook(tmp_path):
    (tmp_path / "x.ipynb").write_text("[]")
    with pytest.raises(UserError, match="not a readable notebook"):
        notebooks.lint(tmp_path / "x.ipynb")
