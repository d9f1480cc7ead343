"""Student copies of a notebook: without solutions, outputs or run metadata."""
import json
from pathlib import Path

from workbench.artifacts import write_text
from workbench.errors import UserError
from workbench.notebooks.discovery import folder
from workbench.notebooks.exercises import exercises
from workbench.notebooks.parameters import has_tag

RUN_METADATA = ("widgets", "papermill", "workbench")  # metadata keys written by a run


def student_copy(notebook: dict) -> dict:
    """The notebook without its solutions, outputs, execution counts and run metadata; its checks stay folded."""
    cells = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            if has_tag(cell, "solution"):
                continue
            metadata = {name: value for name, value in cell["metadata"].items() if name not in RUN_METADATA}
            cell = cell | {"outputs": [], "execution_count": None, "metadata": metadata}
        cells.append(cell)
    metadata = {name: value for name, value in notebook["metadata"].items() if name not in RUN_METADATA}
    return notebook | {"cells": cells, "metadata": metadata}


def handout(paths: list[Path], out: Path) -> dict[Path, int]:
    """Write the student copy of each notebook into the folder `out`; returns copy -> number of exercises.

    UserError, before anything is written, if a notebook cannot be read or has no exercise, if `out` lies in the folder
    of the notebooks, or if a copy would overwrite a file with other contents, which may be a student's work.
    """
    out = Path(out)
    if out.resolve().is_relative_to(folder().resolve()):
        raise UserError(f"{out} is in the folder of the notebooks; choose another folder for the copies")
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file; name a folder for the copies")
    copies, counts = {}, {}
    for path in paths:
        notebook = _read(path)
        target = out / path.name
        counts[target] = len(exercises(notebook["cells"]))
        if not counts[target]:
            raise UserError(f"{path.name} has no exercise with a solution and a check, so there is nothing to hand out")
        copies[target] = json.dumps(student_copy(notebook), indent=1, ensure_ascii=False) + "\n"
        if target.exists() and target.read_text(encoding="utf-8", errors="replace") != copies[target]:
            raise UserError(f"{target} exists with other contents, perhaps a student's work; choose another folder or "
                            "move it away")  # fmt: skip
    for target, text in copies.items():
        write_text(target, text)
    return counts


def _read(path: Path) -> dict:
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if all(isinstance(cell["metadata"], dict) and cell["cell_type"] for cell in notebook["cells"]):
            notebook["metadata"]
            return notebook
        raise ValueError("a cell without metadata")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not a readable notebook: {error}", code=3) from error
