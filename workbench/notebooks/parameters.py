"""The parameters cell of a notebook: what it declares, and whether given values fit, before any kernel starts."""
import ast
import json
from pathlib import Path
from typing import Any

from workbench.errors import UserError, check_names


def tagged(cell: dict, tag: str) -> bool:
    """Whether a cell carries `tag`."""
    return tag in cell.get("metadata", {}).get("tags", [])


def source(cell: dict) -> str:
    """A cell's text; the file format allows a list of lines."""
    text = cell.get("source", "")
    return text if isinstance(text, str) else "".join(text)


def literals(code: str) -> dict[str, Any]:
    """The names a parameters cell declares and their defaults. ValueError at anything but `name = literal`.

    >>> literals("seed = 0\\nratio: float = -.5  # of events")
    {'seed': 0, 'ratio': -0.5}
    """
    found = {}
    for line in ast.parse(code).body:
        targets = line.targets if isinstance(line, ast.Assign) else [getattr(line, "target", None)]
        if not isinstance(line, ast.Assign | ast.AnnAssign) or not all(isinstance(t, ast.Name) for t in targets):
            raise ValueError(f"line {line.lineno} is not `name = literal`: {ast.unparse(line)}")
        try:
            found |= {target.id: ast.literal_eval(line.value) for target in targets}
        except (ValueError, TypeError):
            raise ValueError(f"line {line.lineno} is not a literal: {ast.unparse(line)}") from None
    return found


def declared(notebook: dict | Path, name: str = "notebook") -> dict[str, Any]:
    """The defaults in the cell tagged `parameters`; {} where there is none. UserError if they are not literals."""
    if isinstance(notebook, Path):
        notebook, name = json.loads(notebook.read_text(encoding="utf-8")), notebook.name
    for number, cell in enumerate((cell for cell in notebook["cells"] if cell["cell_type"] == "code"), 1):
        if tagged(cell, "parameters"):
            try:
                return literals(source(cell))
            except (ValueError, SyntaxError) as error:
                raise UserError(f"{name}: its parameters cell (code cell {number}): {error}") from None
    return {}


def fits(value: Any, default: Any) -> bool:
    """Whether `value` is a literal of the default's type. None takes any, a float takes an int, a bool is no int."""
    try:
        if ast.literal_eval(repr(value)) != value:
            return False
    except (ValueError, SyntaxError, TypeError):
        return False
    return default is None or type(value) is type(default) or (type(default) is float and type(value) is int)


def check(defaults: dict[str, Any], given: dict[str, Any], name: str = "notebook") -> dict[str, Any]:
    """Defaults overlaid with `given`. UserError for a name not declared or a value of another type."""
    check_names(f"parameter of {name}", given, defaults)
    for key, value in given.items():
        if not fits(value, defaults[key]):
            kind = type(defaults[key]).__name__
            raise UserError(
                f"parameter {key!r} of {name} takes {kind if kind != 'NoneType' else 'a literal'}, such as "
                f"{defaults[key]!r}; given {value!r}, which is {type(value).__name__}"
            )
    return {**defaults, **given}
