"""The parameters cell of a notebook: its defaults, and the type check of new values before a kernel starts."""
import ast
import json
from pathlib import Path
from typing import Any

from workbench.errors import UserError, check_names


def has_tag(cell: dict, tag: str) -> bool:
    """Whether a cell carries `tag`."""
    return tag in cell.get("metadata", {}).get("tags", [])


def cell_source(cell: dict) -> str:
    """The source of a cell as one string; the file format also allows a list of lines."""
    text = cell.get("source", "")
    return text if isinstance(text, str) else "".join(text)


def parse_literals(code: str) -> dict[str, Any]:
    """The names and default values declared in a parameters cell. ValueError for anything but `name = literal`.

    >>> parse_literals("seed = 0\\nratio: float = -.5  # of events")
    {'seed': 0, 'ratio': -0.5}
    """
    values = {}
    for line in ast.parse(code).body:
        targets = line.targets if isinstance(line, ast.Assign) else []
        targets = [line.target] if isinstance(line, ast.AnnAssign) else targets
        if not targets or not all(isinstance(target, ast.Name) for target in targets):
            raise ValueError(f"line {line.lineno} is not `name = literal`: {ast.unparse(line)}")
        try:
            values |= {target.id: ast.literal_eval(line.value) for target in targets}
        except (ValueError, TypeError):
            raise ValueError(f"line {line.lineno} is not a literal: {ast.unparse(line)}") from None
    return values


def declared_parameters(notebook: dict | Path, name: str = "notebook") -> dict[str, Any]:
    """Defaults declared in the cell tagged `parameters`; {} if there is none. UserError if they are not literals."""
    if isinstance(notebook, Path):
        notebook, name = json.loads(notebook.read_text(encoding="utf-8")), notebook.name
    for number, cell in enumerate((cell for cell in notebook["cells"] if cell["cell_type"] == "code"), 1):
        if has_tag(cell, "parameters"):
            try:
                return parse_literals(cell_source(cell))
            except (ValueError, SyntaxError) as error:
                raise UserError(f"{name}: its parameters cell (code cell {number}): {error}") from None
    return {}


def matches_type(value: Any, default: Any) -> bool:
    """Whether `value` is a literal of the type of `default`. A default of None accepts any literal, a float accepts an
    int, and a bool is not an int."""
    try:
        if ast.literal_eval(repr(value)) != value:
            return False
    except (ValueError, SyntaxError, TypeError):
        return False
    return default is None or type(value) is type(default) or (type(default) is float and type(value) is int)


def check_parameters(defaults: dict[str, Any], values: dict[str, Any], name: str = "notebook") -> dict[str, Any]:
    """The defaults updated with `values`. UserError for an undeclared name or a value of another type."""
    check_names(f"parameter of {name}", values, defaults)
    for key, value in values.items():
        if not matches_type(value, defaults[key]):
            kind = type(defaults[key]).__name__
            raise UserError(
                f"parameter {key!r} of {name} takes {kind if kind != 'NoneType' else 'a literal'}, such as "
                f"{defaults[key]!r}; given {value!r}, which is {type(value).__name__}"
            )
    return {**defaults, **values}
