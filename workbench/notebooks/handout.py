"""Copies of a notebook for those who are to solve it: without solutions, outputs or traces of a run, checks folded."""
import json
from pathlib import Path

from workbench.artifacts import write_text
from workbench.errors import UserError
from workbench.notebooks.discovery import folder
from workbench.notebooks.exercises import exercises
from workbench.notebooks.parameters import tagged

RUN = ("widgets", "papermill", "workbench")  # metadata that a run leaves behind


def student(notebook: dict) -> dict:
    """The same notebook without its solutions. The source of a check is folded, for it may tell the answer; outputs,
    execution counts and what a run left in the metadata are gone."""
    cells = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            if tagged(cell, "solution"):
                continue
            about = {name: value for name, value in cell["metadata"].items() if name not in RUN}
            if tagged(cell, "check"):
                about["jupyter"] = {"source_hidden": True}
            cell = cell | {"outputs": [], "execution_count": None, "metadata": about}
        cells.append(cell)
    metadata = {name: value for name, value in notebook["metadata"].items() if name not in RUN}
    return notebook | {"cells": cells, "metadata": metadata}


def handout(paths: list[Path], out: Path) -> dict[Path, int]:
    """Write the student's copy of each notebook into the folder `out`; returns the copies and how many exercises each
    has. UserError, before anything is written, where a notebook cannot be read or has no exercise, where `out` is
    among the notebooks themselves, and where a copy would replace a file that says something else: somebody's work.
    """
    out = Path(out)
    if out.resolve().is_relative_to(folder().resolve()):
        raise UserError(f"{out} lies among the notebooks themselves; choose another folder for the copies")
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file; name a folder for the copies")
    copies, found = {}, {}
    for path in paths:
        notebook = _read(path)
        target = out / path.name
        found[target] = len(exercises(notebook["cells"]))
        if not found[target]:
            raise UserError(f"{path.name} has no exercise with a solution and a check, so there is nothing to hand out")
        copies[target] = json.dumps(student(notebook), indent=1, ensure_ascii=False) + "\n"
        if target.exists() and target.read_text(encoding="utf-8", errors="replace") != copies[target]:
            raise UserError(f"{target} is there already and is not this copy, perhaps somebody's work; choose another "
                            "folder, or move it away")  # fmt: skip
    for target, text in copies.items():
        write_text(target, text)
    return found


def _read(path: Path) -> dict:
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if all(isinstance(cell["metadata"], dict) and cell["cell_type"] for cell in notebook["cells"]):
            notebook["metadata"]
            return notebook
        raise ValueError("a cell without metadata")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not a readable notebook: {error}", code=3) from error
