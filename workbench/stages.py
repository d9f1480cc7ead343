"""`@stage`: a function whose result is computed once per inputs and code, and read back from the store afterwards.

What a result is written as follows from the function's return annotation: a DataFrame as Parquet, an array as .npy,
any other class through its own `save(folder)` and `load(folder)`.
"""
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from inspect import get_annotations, signature
from numbers import Number
from pathlib import Path
from typing import Any

from workbench.artifacts import current_store, digest
from workbench.closure import closure_hash

_drawn: ContextVar[dict | None] = ContextVar("drawn", default=None)


def stage(kind: str, *by_name: str) -> Callable[[Callable], Callable]:
    """Decorator: call the function only if no result is stored for its arguments and the code it stands on: the import
    closure of its file.

    kind: the store's folder. by_name: files of the package that it reaches by a name rather than by an import. An
    argument takes part in the key as `key_of` says. An error stores nothing.
    """

    def decorate(compute: Callable) -> Callable:
        names, result = signature(compute), get_annotations(compute)["return"]
        file = compute.__code__.co_filename

        @wraps(compute)
        def stored(*args: Any, **kwargs: Any) -> Any:
            bound = names.bind(*args, **kwargs)
            bound.apply_defaults()
            inputs = {name: key_of(value) for name, value in bound.arguments.items()}
            inputs["code"] = closure_hash(file, *by_name)
            draw(kind, digest(inputs))
            with drawing():  # what it draws on itself is part of its own key
                folder = current_store().get(kind, inputs, lambda folder: _save(compute(*args, **kwargs), folder))
            return _load(result, folder)

        return stored

    return decorate


@contextmanager
def drawing() -> Iterator[dict[str, list[str]]]:
    """Collects the stages that are drawn on inside the block: a dict of their keys by kind, to be part of a key."""
    drawn: dict[str, list[str]] = {}
    token = _drawn.set(drawn)
    try:
        yield drawn
    finally:
        _drawn.reset(token)


def draw(kind: str, key: str) -> None:
    """Say to the innermost `drawing` that a stage was drawn on. key: digest of its inputs."""
    drawn = _drawn.get()
    if drawn is not None and key[:16] not in drawn.setdefault(kind, []):
        drawn[kind].append(key[:16])


def key_of(value: Any) -> Any:
    """What stands for an argument in a stage's key: plain JSON values for themselves, a table or an array for a digest
    of its content, any other object for its `key`. TypeError for an object without one."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Number):  # of numpy
        return value.item()
    if isinstance(value, dict):
        return {str(name): key_of(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [key_of(part) for part in value]
    kind = type(value).__name__
    if kind == "DataFrame":
        return digest([value.to_json(), [str(dtype) for dtype in value.dtypes]])
    if kind == "ndarray":
        return digest([value.dtype.str, value.tolist()])
    try:
        return value.key
    except AttributeError as error:
        raise TypeError(f"a {kind} cannot be part of a stage's key: it has no attribute `key`") from error


def _save(value: Any, folder: Path) -> None:
    if type(value).__name__ == "DataFrame":
        value.to_parquet(folder / "table.parquet")
    elif type(value).__name__ == "ndarray":
        import numpy as np

        np.save(folder / "array.npy", value)
    else:
        value.save(folder)


def _load(result: type, folder: Path) -> Any:
    if result.__name__ == "DataFrame":
        import pandas as pd

        return pd.read_parquet(folder / "table.parquet")
    if result.__name__ == "ndarray":
        import numpy as np

        return np.load(folder / "array.npy")
    return result.load(folder)
