"""The reference: every public function and class of the package by room, signature and docstring, as one offline page.

It is read from the files' text, so nothing is imported to make it and an extra that is missing leaves no gap.
"""
import ast
import re
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import NamedTuple

from workbench import __version__
from workbench.artifacts import write_text
from workbench.errors import UserError
from workbench.report.page_template import page

PACKAGE = Path(__file__).parents[1]
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
ROOMS = (
    "errors progress roles artifacts data losses nets train embed tokens decode evaluate recommenders systems probe "
    "diagnose experiment show notebooks report commands"
).split()  # in the order in which they may import each other; a room that is not named comes last


class Entry(NamedTuple):
    """A public name: where it can be imported from, its name (a method's after its class's), its signature without
    the name, its docstring."""

    module: str
    name: str
    signature: str
    doc: str


def entries(folder: Path = PACKAGE) -> list[Entry]:
    """Every public function, class and method of a package's files, file by file in the order of the rooms."""
    found = []
    for path in sorted(folder.rglob("*.py"), key=lambda path: _place(path.relative_to(folder))):
        module = ".".join((folder.name, *path.relative_to(folder).with_suffix("").parts)).removesuffix(".__init__")
        body = ast.parse(path.read_text(encoding="utf-8")).body
        found += [Entry(module, name, *said) for name, said in _public(body)]
    return found


def reference_page(out: Path, folder: Path = PACKAGE) -> Path:
    """Write out/reference.html, whole or not at all; returns where it lies. UserError where `out` is a file."""
    if out.is_file():
        raise UserError(f"{out} is a file; name a folder")
    modules: dict[str, list[Entry]] = {}
    for entry in entries(folder):
        modules.setdefault(entry.module, []).append(entry)
    docs = {module: ast.get_docstring(_module(folder, module)) or "" for module in modules}
    body = (
        f'<header class="top"><h1>Reference of workbench {escape(__version__)}</h1><p>Every public function and class, '
        f"by room; search with the browser’s own find. B batch, T time, I items, U users, L code levels, K codes per "
        f"level, D width.</p></header><main id=\"main\"><nav aria-label=\"Modules\">{_contents(folder, docs)}</nav>"
        f"{''.join(_section(module, docs[module], found) for module, found in modules.items())}</main>"
    )
    target = out / "reference.html"
    write_text(target, page("Workbench reference", f'<div class="sheet">{body}</div>'))
    return target


def _place(path: Path) -> tuple[int, str]:
    room = path.parts[0].removesuffix(".py")
    return ROOMS.index(room) if room in ROOMS else len(ROOMS), str(path)


def _public(body: list[ast.stmt], within: str = "") -> Iterable[tuple[str, tuple[str, str]]]:
    """(name, (signature, docstring)) of public functions and classes, of a class also its documented methods."""
    for node in body:
        if not isinstance(node, (*FUNCTION, ast.ClassDef)) or node.name.startswith("_"):
            continue
        name, doc = within + node.name, ast.get_docstring(node) or ""
        if isinstance(node, ast.ClassDef):
            yield name, (_fields(node), doc)
            yield from _public(node.body, f"{name}.")
        else:
            returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
            yield name, (f"({ast.unparse(node.args)}){returns}", doc)


def _fields(node: ast.ClassDef) -> str:
    """What a class is made with: the arguments of its __init__, else its annotated fields."""
    for each in node.body:
        if isinstance(each, FUNCTION) and each.name == "__init__":
            return f"({ast.unparse(each.args).removeprefix('self').removeprefix(', ')})"
    fields = [ast.unparse(each) for each in node.body if isinstance(each, ast.AnnAssign)]
    return f"({', '.join(fields)})" if fields else ""


def _module(folder: Path, module: str) -> ast.Module:
    path = folder.joinpath(*module.split(".")[1:])
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8"))


def _contents(folder: Path, docs: dict[str, str]) -> str:
    """A fold for each room: what can be imported from the room itself, then its modules with their first sentence."""
    rooms: dict[str, list[str]] = {}
    for module in docs:
        rooms.setdefault(module.split(".")[1] if "." in module else module, []).append(module)
    folds = []
    for room, modules in rooms.items():
        short = _reexported(folder, room)
        names = f"<p>From <code>{escape(f'{folder.name}.{room}')}</code> itself: {short}.</p>" if short else ""
        lines = "".join(f"<li>{_link(module)}: {_inline(_sentence(docs[module]))}</li>" for module in modules)
        folds.append(f"<details><summary>{escape(room)}</summary>{names}<ul>{lines}</ul></details>")
    return "".join(folds)


def _reexported(folder: Path, room: str) -> str:
    """The names in a room's __all__, as code."""
    if not (folder / room / "__init__.py").is_file():
        return ""
    for node in _module(folder, f"{folder.name}.{room}").body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ", ".join(f"<code>{escape(name)}</code>" for name in ast.literal_eval(node.value))
    return ""


def _sentence(doc: str) -> str:
    """The first sentence of a docstring, on one line."""
    return re.split(r"(?<=\.) ", " ".join(doc.split("\n\n")[0].split()))[0]


def _section(module: str, doc: str, found: list[Entry]) -> str:
    parts = "".join(
        f'<h3 id="{escape(entry.module)}.{escape(entry.name)}">{escape(entry.name)}</h3>'
        f"<pre><code>{escape(entry.name + entry.signature)}</code></pre>{_prose(entry.doc)}"
        for entry in found
    )
    return f'<section id="{escape(module)}"><h2>{escape(module)}</h2>{_prose(doc)}{parts}</section>'


def _link(module: str) -> str:
    return f'<a href="#{escape(module)}"><code>{escape(module)}</code></a>'


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))


def _prose(doc: str) -> str:
    """A docstring's paragraphs; one with indented lines or an example keeps its lines."""
    parts = [part for part in re.split(r"\n\s*\n", doc) if part.strip()]
    shaped = [part.startswith(">>>") or re.search(r"^ {2,}", part, re.M) for part in parts]
    return "".join(
        f"<pre>{escape(part)}</pre>" if keep else f"<p>{_inline(part)}</p>" for part, keep in zip(parts, shaped)
    )
