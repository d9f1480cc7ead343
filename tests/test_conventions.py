"""Conventions of the code: short files and folders, docstrings, no unsafe loading, no local paths, clean notebooks."""
import ast
import json
import re
import subprocess
import sys
from functools import cache
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


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def too_long(path: Path) -> list[str]:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    functions = [node for node in ast.walk(tree(path)) if isinstance(node, FUNCTION)]
    long = [f"{node.name} is longer than 60 lines" for node in functions if node.end_lineno - node.lineno >= 60]
    return long + [f"{lines} lines; split it by subject"] * (lines >= 400)


def vague_name(path: Path) -> list[str]:
    return ["the name says nothing"] * (path.stem in VAGUE)


def too_many_arguments(path: Path) -> list[str]:
    """The keywords of a dataset's `load` are options that a user types by name: of those there may be sixteen."""
    found = []
    for node in (node for node in ast.walk(tree(path)) if isinstance(node, FUNCTION)):
        names = [a.arg for a in node.args.posonlyargs + node.args.args + node.args.kwonlyargs]
        most = 16 if (path.parent.name, node.name) == ("datasets", "load") else 10
        found += [f"{node.name} takes more than {most}"] * (len(set(names) - {"self", "cls", "bench"}) > most)
    return found


def without_docstring(path: Path) -> list[str]:
    nodes = [node for node in tree(path).body if isinstance(node, (*FUNCTION, ast.ClassDef))]
    missing = [node.name for node in nodes if not node.name.startswith("_") and not ast.get_docstring(node)]
    return ["the file"] * (not ast.get_docstring(tree(path))) + missing


def can_run_code(path: Path) -> list[str]:
    """A file is never loaded in a way that can run code."""
    return UNSAFE.findall(path.read_text(encoding="utf-8"))


def local_paths(path: Path) -> list[str]:
    return LOCAL_PATH.findall(path.read_text(encoding="utf-8"))


RULES = [(too_long, CODE), (vague_name, CODE), (too_many_arguments, PACKAGE), (without_docstring, PACKAGE),
         (can_run_code, PACKAGE), (local_paths, TEXT)]  # fmt: skip


@pytest.mark.parametrize("rule, files", RULES, ids=[rule.__name__ for rule, _ in RULES])
def test_no_file_is(rule, files):
    """One test for all files, since there are a thousand of them."""
    assert files
    assert not {short(path): problems for path in files if (problems := rule(path))}


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
