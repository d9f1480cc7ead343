"""A folder as a registry: every file in it is an entry, known by its name and by the first line of its docstring.

Entries are parsed, not imported, until one is loaded, so listing them is quick. Adding an entry is adding a file.
"""
import ast
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from workbench.closure import closure_hash, parsed
from workbench.errors import UserError, unknown_name
from workbench.places import PACKAGE

LONGEST = 200  # characters of a name; no file system has files of twice as many


@dataclass(frozen=True)
class Registry:
    """The entries of a folder of the package.

    what: an entry in messages, such as "system". pattern: its files, relative to the folder. separator: stands in
    names for the underscores of file names.
    """

    what: str
    folder: Path
    pattern: str = "[a-z]*.py"
    separator: str = "-"

    def names(self) -> list[str]:
        """Sorted names of the entries."""
        return sorted(map(self._name, self.folder.glob(self.pattern)))

    def file(self, name: str) -> Path:
        """The file of an entry. UserError, with the nearest name, if there is none."""
        stem = name.replace(self.separator, "_")
        pattern = self.pattern.replace("[a-z]*", stem)  # one file a folder, where listing all would cost each time
        named = stem.isidentifier() and stem[0].islower() and len(stem) < LONGEST
        files = list(self.folder.glob(pattern)) if named else []
        files = [file for file in files if self._name(file) == name]
        if not files:
            raise unknown_name(self.what, name, self.names())
        if len(files) > 1:
            raise UserError(f"two {self.what}s are called {name!r}: {', '.join(map(str, files))}; rename one")
        return files[0]

    def parse(self, name: str) -> ast.Module:
        """The syntax tree of an entry's file. UserError if there is no such entry."""
        return parsed(self.file(name).read_text(encoding="utf-8"))

    def describe(self, name: str) -> str:
        """The first line of an entry's docstring. UserError if there is no such entry."""
        return (ast.get_docstring(self.parse(name)) or "").partition("\n")[0]

    def descriptions(self) -> dict[str, str]:
        """The description of every entry by its name."""
        return {name: self.describe(name) for name in self.names()}

    def function(self, name: str, function: str) -> ast.FunctionDef:
        """The definition of a function in an entry's file. UserError if it has none of that name."""
        for node in self.parse(name).body:
            if isinstance(node, ast.FunctionDef) and node.name == function:
                return node
        raise UserError(f"{self.what} {name!r}: {self.file(name).name} defines no {function}()")

    def literal(self, name: str, constant: str, default: Any = None) -> Any:
        """The value that an entry's file gives a constant, which is a literal, such as `READS = "text"`; `default` if
        it has none of that name. UserError for a value that is computed."""
        for node in self.parse(name).body:
            if isinstance(node, ast.Assign) and constant in map(ast.unparse, node.targets):
                try:
                    return ast.literal_eval(node.value)
                except ValueError as error:
                    raise UserError(f"{self.what} {name!r}: {constant} needs a literal value") from error
        return default

    def code(self, name: str) -> str:
        """Hash of the code that an entry stands on, for keys: the import closure of its file, without other entries."""
        return closure_hash(self.file(name))

    def load(self, name: str) -> ModuleType:
        """The imported module of an entry. UserError if there is no such entry."""
        return import_module(".".join(self.file(name).relative_to(PACKAGE.parent).with_suffix("").parts))

    def _name(self, file: Path) -> str:
        return file.stem.replace("_", self.separator)
