"""The folder is the registry: a file here is a system, listed, described, tested and run by its name.

Names, descriptions and keywords are read from the files' text, so listing a hundred systems imports none of them.
"""
import ast
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from workbench.errors import UserError, check_names, unknown

FOLDER = Path(__file__).parent


def names(family: str = "*") -> list[str]:
    """Sorted names of all systems, or of one family (a folder here). UserError where there is no such family."""
    if family != "*":
        check_names("family", [family], {path.parent.name for path in FOLDER.glob("*/[a-z]*.py")})
    return sorted(path.stem for path in FOLDER.glob(f"{family}/[a-z]*.py"))


def family(name: str) -> str:
    """The family folder of a system. UserError if there is no such system."""
    return _file(name).parent.name


def describe(name: str) -> str:
    """One line about a system: the first of its docstring."""
    return (ast.get_docstring(module_text(name)) or "").partition("\n")[0]


def keywords(name: str) -> dict[str, Any]:
    """The keywords of a system's build() and their defaults, which are literals."""
    found = [node for node in module_text(name).body if isinstance(node, ast.FunctionDef) and node.name == "build"]
    if not found:
        raise UserError(f"system {name!r}: {_file(name).name} defines no build(bench, *, ...)")
    named = [arg.arg for arg in found[0].args.kwonlyargs]
    try:
        return dict(zip(named, map(ast.literal_eval, found[0].args.kw_defaults), strict=True))
    except (ValueError, TypeError) as error:
        raise UserError(f"system {name!r}: every keyword of build() needs a literal default ({error})") from error


def module_text(name: str) -> ast.Module:
    """The parsed text of a system's file, which is not imported. UserError, naming the nearest, if there is none."""
    return ast.parse(_file(name).read_text(encoding="utf-8"))


def settings(name: str, **changes: Any) -> dict[str, Any]:
    """Every keyword of a system, defaults filled in: what a report stores.

    UserError if a keyword is unknown, or a value is not of its default's type (an int may stand for a float).
    """
    defaults = keywords(name)
    check_names(f"keyword of {name}", changes, defaults)
    return {key: _fitting(name, key, changes[key], default) if key in changes else default
            for key, default in defaults.items()}


def load(name: str) -> ModuleType:
    """The module of one system. UserError, naming the nearest, if there is none."""
    return import_module(f"{__name__}.{family(name)}.{name}")


def build(name: str, bench: Any, **changes: Any) -> Any:
    """The recommender, untrained, for what `bench` holds; `changes` are keywords of its build()."""
    chosen = settings(name, **changes)
    return load(name).build(bench, **chosen)


def _file(name: str) -> Path:
    found = [path for path in FOLDER.glob("*/[a-z]*.py") if path.stem == name]
    if not found:
        raise unknown("system", name, names())
    if len(found) > 1:
        raise UserError(f"two systems are called {name!r}: {', '.join(str(path) for path in found)}; rename one")
    return found[0]


def _fitting(name: str, key: str, value: Any, default: Any) -> Any:
    if type(default) is float and type(value) is int:
        return float(value)
    if type(default) is tuple and type(value) is list:
        return tuple(value)
    if default is not None and type(value) is not type(default):
        raise UserError(f"{name}: {key} must be {type(default).__name__}, not {type(value).__name__} {value!r}")
    return value
