"""The rooms of the house stand in one total order, and a room imports only rooms before it."""
import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "workbench"
ORDER = (
    "errors progress interfaces artifacts data losses nets train llm embed tokens decode evaluate recommenders systems "
    "probing diagnose experiment show notebooks report cli_arguments commands __main__"
).split()
BARRED = {"probing": {"recommenders", "systems"}, "diagnose": {"recommenders", "systems"}}
ONLY_IN_SHOW = {"plotly", "ipywidgets"}
MODULES = {
    ".".join((PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


def imported(path: Path) -> set[str]:
    """Dotted names of all that a file imports, at the top and inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: write imports in full, not relative"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name if name in MODULES else node.module for name in whole}
    return found


def ours(path: Path) -> set[str]:
    return {name for name in imported(path) if name.split(".")[0] == PACKAGE.name}


def room(name: str) -> str:
    return (name.split(".") + [""])[1]


@pytest.mark.parametrize("name", MODULES)
def test_a_room_imports_only_rooms_before_it(name):
    here = room(name)
    assert here in ORDER or not here, f"{name}: a new room; give it a place in the order"
    for other in filter(None, (room(other) for other in ours(MODULES[name]))):
        assert other == here or (here and ORDER.index(other) < ORDER.index(here)), f"{name} imports {other}"
        assert other not in BARRED.get(here, ()), f"{name} imports {other}"


def test_no_cycles():
    TopologicalSorter({name: ours(path) - {name} for name, path in MODULES.items()}).prepare()


@pytest.mark.parametrize("name", [name for name in MODULES if name.count(".") == 3 and room(name) == "systems"])
def test_a_system_imports_no_other_system(name):
    assert not [other for other in ours(MODULES[name]) if room(other) == "systems"]


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) != "show"])
def test_only_show_draws(name):
    assert not ONLY_IN_SHOW & {other.split(".")[0] for other in imported(MODULES[name])}
