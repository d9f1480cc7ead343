"""The registry of datasets is this folder: one file per public dataset, plus the synthetic worlds.

A name is a file's name with '-' for '_', a description the first line of its docstring, an option a keyword of its
`load`; all three are read from the file's text, without importing it.
"""
import ast
import os
from functools import lru_cache
from importlib import import_module
from pathlib import Path

from workbench.artifacts import sha256
from workbench.data import synthetic
from workbench.data.schema import Dataset
from workbench.errors import UserError, check_names, unknown

FOLDER = Path(__file__).parent
FILES = ("path", "items")  # options that name a file; a column may be called like one


@lru_cache
def _files() -> dict[str, Path]:
    return {p.stem.replace("_", "-"): p for p in sorted(FOLDER.glob("*.py")) if not p.stem.startswith("_")}


@lru_cache
def _text(name: str) -> ast.Module:
    return ast.parse(_files()[name].read_text(encoding="utf-8"))


def names() -> list[str]:
    """Every dataset name: the synthetic worlds, then the public datasets."""
    return [*synthetic.NAMES, *_files()]


def describe(name: str) -> str:
    """One line about a dataset. UserError names the nearest."""
    name = canonical(name)
    return synthetic.NAMES[name] if name in synthetic.NAMES else ast.get_docstring(_text(name)).splitlines()[0]


def canonical(name: str) -> str:
    """The name as listed: `movielens_small` is `movielens-small`. UserError names the nearest."""
    listed = str(name).replace("_", "-")
    if listed not in names():
        raise unknown("dataset", name, names())
    return listed


def options(name: str) -> list[str]:
    """The keywords that `load(name, ...)` takes."""
    name = canonical(name)
    return sorted(synthetic.OPTIONS) if name in synthetic.NAMES else [a.arg for a in _load(name).args.kwonlyargs]


def check(name: str, given: dict | None = None) -> str:
    """The listed name, after checking name and options without loading anything. UserError as `load`."""
    listed = canonical(name)
    check_names(f"option of dataset {listed}", given or {}, options(listed))
    if listed not in synthetic.NAMES:
        kinds = {argument.arg: ast.unparse(argument.annotation) for argument in _load(listed).args.kwonlyargs}
        for option, value in (given or {}).items():
            _fits(f"option {option!r} of dataset {listed}", value, kinds[option])
    return listed


def _fits(what: str, value: object, kinds: str) -> None:
    """UserError unless a value is of the type that is annotated; a number may be a column's name, as text."""
    allowed = {"str": (str, int, float, os.PathLike), "int": (int,), "bool": (bool,), "None": (type(None),)}
    names = kinds.split(" | ")
    fine = isinstance(value, tuple(kind for name in names for kind in allowed[name]))
    if not fine or isinstance(value, bool) and "bool" not in names:
        words = {"str": "text", "int": "a whole number", "bool": "True or False", "None": "None"}
        takes = " or ".join(words[name] for name in names)
        raise UserError(f"{what} takes {takes}; given {value!r}, which is {type(value).__name__}")


def located(options: dict) -> dict:
    """The options with every path of a file made absolute, so that it means the same from any folder."""
    paths = {k: Path(str(options[k])).expanduser() for k in FILES if options.get(k)}
    return options | {name: str(path.resolve()) for name, path in paths.items() if os.path.isfile(path)}


def hashes(options: dict) -> dict[str, str]:
    """SHA-256 of every file that options name, by option. UserError (code 3) where one cannot be read."""
    paths, found = {name: str(options[name]) for name in FILES if options.get(name)}, {}
    for name, path in paths.items():
        if os.path.isfile(path):
            try:
                found[name] = sha256(Path(path))
            except OSError as error:
                raise UserError(f"{path}: cannot be read ({error.strerror})", code=3) from error
    return found


def load(name: str, **options) -> Dataset:
    """A dataset by name. UserError for an unknown name or option, for files that are not to be had, for bad data."""
    listed = check(name, options)
    if listed in synthetic.NAMES:
        return synthetic.load(listed, **options)
    return import_module(f"{__name__}.{listed.replace('-', '_')}").load(**options)


def _load(name: str) -> ast.FunctionDef:
    return next(node for node in _text(name).body if isinstance(node, ast.FunctionDef) and node.name == "load")
