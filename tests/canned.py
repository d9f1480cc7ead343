"""Small notebooks made on the spot for the tests of running and exporting."""
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

TITLE = "# Does it run?\n\nA canned notebook."
PARAMETERS = 'name = "a"\nseed = 0\nratio = 0.5\nfast = True\nextra = None'


def code(source: str, *tags: str) -> dict:
    """A code cell with tags."""
    return new_code_cell(source, metadata={"tags": list(tags)} if tags else {})


def prose(source: str) -> dict:
    """A markdown cell."""
    return new_markdown_cell(source)


def save(path: Path, *cells: dict | str, parameters: str | None = PARAMETERS) -> Path:
    """Write a notebook of a title, a parameters cell (None for none) and `cells`, where a text is a code cell."""
    head = [prose(TITLE)] + ([code(parameters, "parameters")] if parameters is not None else [])
    body = [code(cell) if isinstance(cell, str) else cell for cell in cells]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=head + body), path)
    return path
