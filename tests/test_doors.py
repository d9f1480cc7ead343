"""`import workbench as wb` is all a person types: few names, found by tab, each with a docstring, loaded when used."""
import ast
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import workbench as wb
from workbench import notebooks

NOTEBOOKS = [*notebooks.series(), *notebooks.topics(), *notebooks.workshop()]
ROOT = Path(__file__).parents[1]


def code_of(path: Path) -> ast.Module:
    """All code cells of a notebook as one module."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ast.parse("\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"))


def test_importing_and_listing_load_nothing_heavy():
    code = (
        "import sys, workbench as wb; assert set(wb.__all__) == set(dir(wb)); wb.__version__\n"
        "assert not {'torch', 'pandas', 'numpy', 'plotly'} & set(sys.modules), 'importing the package is not free'\n"
        "dir(wb.show); assert not {'torch', 'plotly'} & set(sys.modules), 'listing the figures is not free'\n"
        "from workbench import probing; assert dir(probing) == probing.__all__ and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


NAMES = [*wb.__all__, *(f"{door}.{name}" for door in ("show", "probing") for name in getattr(wb, door).__all__)]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there_and_says_what_it_does(name):
    value = wb
    for part in name.split("."):
        value = getattr(value, part)
    assert len(inspect.getdoc(value) or "") > 40


def test_tab_offers_what_a_person_uses(home):
    """No module, no name of another library: those a completion would bury the others under."""
    run = wb.open_bench("synthetic", profile="smoke", options={"users": 300}).fit("sasrec", epochs=1, width=16)
    probe = wb.probe(run)
    for value in (wb, wb.show, wb.probing, run, run.bench(), probe, probe.sae(k=4)):
        offered = {name: getattr(value, name) for name in dir(value) if not name.startswith("_")}
        modules = [name for name, each in offered.items() if inspect.ismodule(each) and each is not wb.show]
        assert len(offered) >= 8 and modules == [], value
        foreign = [name for name, each in offered.items() if inspect.isclass(each) or inspect.isroutine(each)
                   if not (each.__module__ or "").startswith("workbench.")]  # fmt: skip
        assert foreign == [], value


def test_there_are_few_names_and_a_wrong_one_is_answered():
    assert len(wb.__all__) <= 16 and len(wb.show.__all__) <= 60
    with pytest.raises(AttributeError, match="no attribute 'open_bank'; did you mean 'open_bench'"):
        wb.open_bank  # noqa: B018


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_use_these_names_and_no_others(path):
    tree = code_of(path)
    imports = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))}
    own = {"import torch"} if any(isinstance(node, ast.ClassDef) for node in tree.body) else set()  # a network
    assert "import workbench as wb" in imports <= {"import workbench as wb", "import numpy as np"} | own
    used = {node.attr for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "wb"}
    assert used <= set(wb.__all__)


def test_readme_shows_code_that_runs(tmp_path, monkeypatch):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    source = text.split("```python\n")[1].split("```")[0]
    assert source.count("seed=0") == 1
    namespace = {}
    fewer = source.replace("seed=0", "options={'users': 600}")
    exec(compile(fewer, "README.md", "exec"), namespace)  # noqa: S102
    assert namespace["runs"][2].system == "sasrec"
