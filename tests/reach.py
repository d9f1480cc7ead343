"""Which tests a change can reach, by the import closures of their files: `make test ARGS="--changed"`."""
import ast
import subprocess
from functools import cache
from pathlib import Path

import pytest

from workbench import systems
from workbench.closure import closure
from workbench.data import datasets
from workbench.places import PACKAGE
from workbench.systems.built_in_worlds import world_of

TESTS = Path(__file__).parent
SYSTEMS, DATASETS = Path(systems.__file__), Path(datasets.__file__)
BY_NAME = {  # files that are reached by a name, from what their names are given to
    init: set(init.parent.rglob("*.py")) for init in (SYSTEMS, PACKAGE / "show" / "__init__.py", DATASETS)
} | {
    PACKAGE / folder / "by_kind.py": set((PACKAGE / folder / "kinds").glob("*.py")) for folder in ("embed", "tokens")
}  # fmt: skip
WHOLE = {"subprocess", "workbench", "workbench.__main__", "workbench.cli.commands", "workbench.notebooks"}  # anything


def changed_files(since: str) -> set[Path]:
    """Files that differ from a commit, and those that git does not know yet."""
    commands = ["git", "diff", "--name-only", since], ["git", "ls-files", "--others", "--exclude-standard"]
    lines = [subprocess.run(each, cwd=TESTS.parent, check=True, capture_output=True, text=True).stdout.split("\n")
             for each in commands]  # fmt: skip
    return {TESTS.parent / line for lines_of_one in lines for line in lines_of_one if line}


def parameters(item: pytest.Item) -> set[str]:
    """The values of a test's parameters that are names."""
    call = getattr(item, "callspec", None)  # doctests have none
    return {value for value in call.params.values() if isinstance(value, str)} if call else set()


def reaches(path: Path, names: set[str], changed: set[Path]) -> bool:
    """Whether a change of these files can reach a test. path: its file. names: the values of its parameters; where one
    is a system, only that one and those that its file names are meant: its parent, teachers, bases and first stages.
    Where such a test takes its dataset from `world_of`, only theirs are meant, and those that its own file names.

    Tests of the whole house, those that run a process or the command line, and any test where something else than
    Python changed, are always reached.
    """
    if path.parent == TESTS or any(each.suffix != ".py" for each in changed) or _runs_anything(path):
        return True
    chosen = names & set(systems.names())
    return not changed.isdisjoint(_reached(path, frozenset(chosen)))


@cache
def _reached(path: Path, chosen: frozenset[str]) -> set[Path]:
    meant = _with_named(chosen)
    files, by_name = closure(*_own(path), *map(systems.file, meant), root=TESTS), dict(BY_NAME)
    if chosen:
        by_name[SYSTEMS] = set()
        if PACKAGE / "systems" / "built_in_worlds.py" in files:
            found = set(map(world_of, meant)) | _texts(path) & set(datasets.names())
            by_name[DATASETS] = set(map(datasets.file, found))
    for init, folder in by_name.items():
        if init in files:
            files = closure(*files, *folder, root=TESTS)
    return files | {TESTS / "conftest.py"}


def _with_named(chosen: frozenset[str]) -> set[str]:
    """Systems, and those that a file of one of them names."""
    meant, last = set(chosen), set(chosen)
    while last:
        last = set().union(*(_texts(systems.file(name)) for name in last)) & set(systems.names()) - meant
        meant |= last
    return meant


@cache
def _texts(file: Path) -> set[str]:
    """The string literals of a file."""
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _own(path: Path) -> set[Path]:
    """The file of a test, the helpers beside it and the fixtures of its folder, and what they import."""
    return closure(path, *path.parent.glob("conftest.py"), root=path.parent)


@cache
def _runs_anything(path: Path) -> bool:
    """Whether a test, or a helper that it imports, starts a process, or imports the package's doors or commands."""
    names = set()
    for file in (each for each in closure(*_own(path), root=TESTS) if each.is_relative_to(TESTS)):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
                names |= {node.module} - {PACKAGE.name}
    return not WHOLE.isdisjoint(names)
