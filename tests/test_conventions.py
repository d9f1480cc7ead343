"""Conventions of the code: short files and folders, docstrings, no unsafe loading, no local paths, clean notebooks."""
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
TRACKED = [p for p in ROOT.iterdir() if p.is_file()] + [p for p in (ROOT / ".ci").iterdir()] + CODE + NOTEBOOKS
TRACKED += [p for folder in ("tests/golden", "reports/results") for p in (ROOT / folder).rglob("*") if p.is_file()]
TEXT = [p for p in TRACKED if p.suffix in ("", ".py", ".md", ".toml", ".yml", ".txt", ".json", ".ipynb", ".svg")]
VAGUE = {"utils", "util", "helpers", "base", "common", "misc", "lib"}
UNSAFE = re.compile(r"pickle\.loads?\(|read_pickle\(|weights_only\s*=\s*False|allow_pickle\s*=\s*True|joblib\.load\(")
LOCAL_PATH = re.compile(r"(?<![\w.}\])~-])/(?:work|root|home|Users|opt)/\w")
FOLDERS = sorted({path.parent for path in PACKAGE})
MAX_MODULES = 16  # Python files in one folder
SENTENCE_END = re.compile(r"[.?](?=\s|$)")
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


every_file = pytest.mark.parametrize("path", CODE, ids=short)
every_module = pytest.mark.parametrize("path", PACKAGE, ids=short)


@every_file
def test_files_and_functions_are_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < 400, "split it by subject"
    for node in ast.walk(tree(path)):
        if isinstance(node, FUNCTION):
            assert node.end_lineno - node.lineno < 60, f"{node.name} is longer than 60 lines"


@every_file
def test_file_names_are_specific(path):
    assert path.stem not in VAGUE


@every_module
def test_functions_take_at_most_ten_arguments(path):
    """The keywords of a dataset's `load` are options that a user types by name: of those there may be sixteen."""
    for node in ast.walk(tree(path)):
        if isinstance(node, FUNCTION):
            names = [a.arg for a in node.args.posonlyargs + node.args.args + node.args.kwonlyargs]
            most = 16 if (path.parent.name, node.name) == ("datasets", "load") else 10
            assert len([name for name in names if name not in ("self", "cls", "bench")]) <= most, node.name


@every_module
def test_public_names_have_docstrings(path):
    module = tree(path)
    assert ast.get_docstring(module), "the file has no docstring"
    for node in module.body:
        if isinstance(node, (*FUNCTION, ast.ClassDef)) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"


@pytest.mark.parametrize("folder", FOLDERS, ids=short)
def test_folders_are_small_and_say_what_is_inside(folder):
    """The docstring of a folder with several modules also says in which order to read them."""
    modules = list(folder.glob("*.py"))
    assert len(modules) <= MAX_MODULES, f"{len(modules)} Python files; make a sub-folder"
    if not (folder / "__init__.py").exists():  # a family of systems, listed by the registry
        return
    doc = ast.get_docstring(tree(folder / "__init__.py"))
    assert doc, "the folder has no docstring"
    if len(modules) > 3:  # __init__ and more than two modules
        assert len(SENTENCE_END.findall(doc)) >= 2, "say in two sentences what is inside and in which order to read it"


def test_our_classes_do_not_inherit_from_each_other():
    classes = [node for path in PACKAGE for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]
    names = {node.name for node in classes}
    bases = {node.name: {ast.unparse(base).removeprefix("go.Figure").split(".")[-1] for base in node.bases} & names
             for node in classes}  # go.Figure is plotly's, and one of ours has its name
    bases = {name: parents - {"Protocol"} for name, parents in bases.items()}  # typing.Protocol, not our class
    assert not {name: parents for name, parents in bases.items() if parents}


@every_module
def test_no_file_is_loaded_in_a_way_that_can_run_code(path):
    assert not UNSAFE.findall(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", TEXT, ids=short)
def test_no_local_paths(path):
    assert not LOCAL_PATH.findall(path.read_text(encoding="utf-8"))


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
