"""The import closure of a file: the files whose code it can run, and a hash of them for keys.

Imports are read from the source, inside functions too, without importing anything. A name imported from a folder leads
to the file that defines it, not to its neighbours: a new file that nobody imports is in no closure.
"""
import ast
import hashlib
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path

from workbench.places import PACKAGE

NO_NUMBERS = {  # doors, messages and storage: they decide no result, so they are in no hash
    "__init__", "errors", "arguments", "progress", "interruption", "places", "locks", "artifacts", "prune", "stages",
    "closure", "registry",
}  # fmt: skip

STATEMENTS = (ast.stmt, ast.excepthandler, ast.match_case)  # and what holds some


def closure(*places: str | Path, root: Path | None = None) -> set[Path]:
    """The files of the package that these files import, directly or not, themselves included.

    places: Python files, absolute or relative to the package. root: another folder whose modules are followed too.
    Imports at module level, in functions and for annotations count alike. FileNotFoundError for a file that does not
    exist.
    """
    files, open_files = set(), [PACKAGE / place for place in places]
    while open_files:
        path = open_files.pop()
        if path not in files:
            files.add(path)
            open_files += _imports(path, root)
    return files


def closure_hash(*places: str | Path) -> str:
    """16 hex digits over the lines of a closure, the same for every version of Python: blank lines, comments of whole
    lines and docstrings are ignored, and so are the modules in NO_NUMBERS."""
    files = sorted((path for path in closure(*places) if _top(path) not in NO_NUMBERS), key=_parts)
    return hashlib.sha256("".join(map(_code_hash, files)).encode()).hexdigest()[:16]


@cache
def _parts(path: Path) -> tuple[str, ...]:
    """By which paths are sorted; compared directly they take ten times as long."""
    return path.parts


@cache
def _top(path: Path) -> str:
    """The room of the package that a file is in; "" outside the package."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py") if path.is_relative_to(PACKAGE) else ""


@lru_cache(maxsize=1024)
def parsed(text: str) -> ast.Module:
    """The syntax tree of a file's text."""
    return ast.parse(text)


@cache
def _tree(path: Path) -> ast.Module:
    return parsed(path.read_text(encoding="utf-8"))


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """All statements inside a node, at any depth; expressions, ten times as many nodes, hold none."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, STATEMENTS):
            yield child
            yield from _statements(child)


@cache
def _code_hash(path: Path) -> str:
    lines, prose = path.read_text(encoding="utf-8").splitlines(), _docstring_lines(_tree(path))
    lines = [line.rstrip() for number, line in enumerate(lines, start=1) if number not in prose]
    code = "\n".join(line for line in lines if line and not line.lstrip().startswith("#"))
    return hashlib.sha256(code.encode()).hexdigest()


def _docstring_lines(tree: ast.Module) -> set[int]:
    """The numbers of the lines that are docstrings and nothing else."""
    lines: set[int] = set()
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in (tree, *_statements(tree)):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            own = {*range(node.body[0].lineno, node.body[0].end_lineno + 1)}
            shared = {0 if node is tree else node.lineno, *(each.lineno for each in node.body[1:2])}
            lines |= set() if own & shared else own
    return lines


@cache
def _imports(path: Path, root: Path | None) -> frozenset[Path]:
    """The files that one file imports directly."""
    files = set()
    for node in _statements(_tree(path)):
        if isinstance(node, ast.Import):
            files |= {_module(alias.name, root) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            files |= {_defining(node.module, alias.name, root) for alias in node.names}
    return frozenset(files - {None})


def _defining(module: str, name: str, root: Path | None) -> Path | None:
    """The file that defines a name imported from a module: a module itself, or where a folder's __init__ got it."""
    if inner := _module(f"{module}.{name}", root):
        return inner
    file = _module(module, root)
    if file and file.name == "__init__.py":
        for node in _tree(file).body:
            if isinstance(node, ast.ImportFrom) and node.module and name in [a.asname or a.name for a in node.names]:
                original = next(alias.name for alias in node.names if name == (alias.asname or alias.name))
                return _defining(node.module, original, root)
    return file


@cache
def _module(name: str, root: Path | None) -> Path | None:
    """The file of a module by its dotted name; None for one that is neither of the package nor below root."""
    folders = [PACKAGE.parent] if name.split(".")[0] == PACKAGE.name else [root] if root else []
    paths = [folder.joinpath(*name.split(".")) for folder in folders]
    files = [file for path in paths for file in (path / "__init__.py", path.with_suffix(".py"))]
    return next((file for file in files if file.is_file()), None)
