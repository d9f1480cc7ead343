"""Metrics that a notebook reports: `glue` records them in the notebook, `glued` reads them from the executed copy."""
import json
import math
from pathlib import Path
from typing import Any

from workbench.errors import UserError

MIME = "application/vnd.workbench.metrics+json"


def _to_json(value: Any, name: str) -> Any:
    """A JSON value: numpy scalars become numbers, numbers that are not finite become None."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if isinstance(value, dict):
        return {str(key): _to_json(inner, f"{name}[{key!r}]") for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json(inner, name) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    raise UserError(f"glue: {name} is {type(value).__name__}; give a number, a text, or a dict or list of them")


def glue(**values: Any) -> None:
    """Record `values` for the report: numbers, texts, and dicts or lists of them. Later values replace earlier ones.
    UserError for any other type."""
    from IPython.display import display

    data = {name: _to_json(value, name) for name, value in values.items()}
    display({MIME: data, "text/plain": "kept for the report: " + ", ".join(data)}, raw=True)


def glued(executed: Path | dict) -> dict[str, Any]:
    """All values that an executed notebook recorded with `glue`, by name."""
    notebook = executed if isinstance(executed, dict) else json.loads(Path(executed).read_text(encoding="utf-8"))
    values: dict[str, Any] = {}
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            values |= output.get("data", {}).get(MIME, {})
    return values
