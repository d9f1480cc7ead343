"""The house stays in order: short files, documented names, nothing unsafe, nothing of one machine, clean notebooks."""
import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = sorted((ROOT / "workbench").rglob("*.py"))
CODE = PACKAGE + sorted((ROOT / "tests").rglob("*.py"))
NOTEBOOKS = sorted(p for p in (ROOT / "notebooks").rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
KEPT = [p for p in ROOT.iterdir() if p.is_file()] + [p for p in (ROOT / ".ci").iterdir()] + CODE + NOTEBOOKS
KEPT += [p for folder in ("tests/golden", "reports/results") for p in (ROOT / folder).rglob("*") if p.is_file()]
TEXT = [p for p in KEPT if p.suffix in ("", ".py", ".md", ".toml", ".yml", ".txt", ".json", ".ipynb", ".svg")]
VAGUE = {"utils", "util", "helpers", "base", "common", "misc", "lib"}
UNSAFE = re.compile(r"pickle\.loads?\(|read_pickle\(|weights_only\s*=\s*False|allow_pickle\s*=\s*True|joblib\.load\(")
MACHINE = re.compile(r"(?<![\w.}\])~-])/(?:work|root|home|Users|opt)/\w")
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


every_file = pytest.mark.parametrize("path", CODE, ids=short)
every_module = pytest.mark.parametrize("path", PACKAGE, ids=short)


@every_file
def test_files_and_functions_are_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < 400, "split it by noun"
    for node in ast.walk(tree(path)):
        if isinstance(node, FUNCTION):
            assert node.end_lineno - node.lineno < 60, f"{node.name} is longer than 60 lines"


@every_file
def test_files_are_named_after_what_they_hold(path):
    assert path.stem not in VAGUE


@every_module
def test_functions_take_at_most_ten_arguments(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, FUNCTION):
            given = [a.arg for a in node.args.posonlyargs + node.args.args + node.args.kwonlyargs]
            assert len([name for name in given if name not in ("self", "cls", "bench")]) <= 10, node.name


@every_module
def test_public_names_say_what_they_are(path):
    module = tree(path)
    assert ast.get_docstring(module), "the file has no docstring"
    for node in module.body:
        if isinstance(node, (*FUNCTION, ast.ClassDef)) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"


def test_our_classes_do_not_inherit_from_each_other():
    classes = [node for path in PACKAGE for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]
    names = {node.name for node in classes}
    bases = {node.name: {ast.unparse(base).split(".")[-1] for base in node.bases} & names for node in classes}
    own = {name: found - {"Protocol"} for name, found in bases.items()}  # typing.Protocol shares a name with ours
    assert not {name: found for name, found in own.items() if found}


@every_module
def test_nothing_runs_code_out_of_a_file(path):
    assert not UNSAFE.findall(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", TEXT, ids=short)
def test_no_path_of_one_machine(path):
    assert not MACHINE.findall(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=short)
def test_notebooks_are_stored_without_outputs(path):
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        assert not cell.get("outputs") and cell.get("execution_count") is None


def test_listing_the_systems_imports_no_torch():
    code = (
        "import sys; from workbench import systems\n"
        "assert all(systems.describe(n) and isinstance(systems.keywords(n), dict) for n in systems.names())\n"
        "assert systems.names() and not {'torch', 'pandas', 'plotly'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_ruff():
    pytest.importorskip("ruff")
    command = [sys.executable, "-m", "ruff", "check", "--quiet", "--output-format=concise", "."]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
