"""The API reference: every public function and class with its signature and docstring, as one offline page.

It is parsed from the source files. Nothing is imported, so a missing optional dependency leaves no gap.
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
from workbench.report.page_template import html_document

PACKAGE = Path(__file__).parents[1]
FUNCTION_NODES = (ast.FunctionDef, ast.AsyncFunctionDef)
LAYERS = (  # the modules and folders of the package; each imports only from those before it
    "errors arguments progress interruption interfaces verb_interfaces set_interfaces places closure registry locks "
    "artifacts prune stages data losses nets train llm embed tokens decode evaluate envs recommenders systems probing "
    "diagnose experiment show notebooks report cli __main__"
).split()


SEARCH = (
    '<div class="search" role="search"><label for="search">Search names and first sentences</label> '
    '<input id="search" type="search" autocomplete="off" spellcheck="false" aria-describedby="matches"> '
    '<kbd title="press / to search">/</kbd> <span id="matches" role="status" aria-live="polite"></span></div>'
)


class Entry(NamedTuple):
    """A public function, class or method. name: of a method with its class, `Class.method`. signature: without name."""

    module: str
    name: str
    signature: str
    doc: str


def public_entries(folder: Path = PACKAGE) -> list[Entry]:
    """Every public function, class and method of a package, file by file in the order of LAYERS."""
    result = []
    for path in sorted(folder.rglob("*.py"), key=lambda path: _sort_key(path.relative_to(folder))):
        module = ".".join((folder.name, *path.relative_to(folder).with_suffix("").parts)).removesuffix(".__init__")
        body = ast.parse(path.read_text(encoding="utf-8")).body
        result += [Entry(module, name, *documentation) for name, documentation in _public(body)]
    return result


def reference_page(out: Path, folder: Path = PACKAGE) -> Path:
    """Write out/reference.html atomically; returns its path. UserError if `out` is a file."""
    if out.is_file():
        raise UserError(f"{out} is a file; name a folder")
    modules: dict[str, list[Entry]] = {}
    for entry in public_entries(folder):
        modules.setdefault(entry.module, []).append(entry)
    docs = {module: ast.get_docstring(_module(folder, module)) or "" for module in modules}
    sections = "".join(_section(module, docs[module], entries) for module, entries in modules.items())
    body = (
        f'<header class="top"><h1>API reference of workbench {escape(__version__)}</h1><p>Every public function '
        f"and class by module. Array dimensions: B batch, T time, I items, U users, L code levels, K codes per level, "
        f"D width.</p></header>{SEARCH}"
        f'<main id="main"><nav aria-label="Modules">{_contents(folder, docs)}</nav>{sections}</main>'
    )
    target = out / "reference.html"
    write_text(target, html_document("Workbench reference", f'<div class="sheet">{body}</div>'))
    return target


def _sort_key(path: Path) -> tuple[int, str]:
    """Position in LAYERS, then path; a folder that is not in LAYERS comes last."""
    layer = path.parts[0].removesuffix(".py")
    return LAYERS.index(layer) if layer in LAYERS else len(LAYERS), str(path)


def _public(body: list[ast.stmt], prefix: str = "") -> Iterable[tuple[str, tuple[str, str]]]:
    """(name, (signature, docstring)) of public functions and classes, and of the public methods of these classes."""
    for node in body:
        if not isinstance(node, (*FUNCTION_NODES, ast.ClassDef)) or node.name.startswith("_"):
            continue
        name, doc = prefix + node.name, ast.get_docstring(node) or ""
        if isinstance(node, ast.ClassDef):
            yield name, (_fields(node), doc)
            yield from _public(node.body, f"{name}.")
        else:
            returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
            yield name, (f"({ast.unparse(node.args)}){returns}", doc)


def _fields(node: ast.ClassDef) -> str:
    """The signature of a class: the arguments of its __init__, else its annotated fields."""
    for each in node.body:
        if isinstance(each, FUNCTION_NODES) and each.name == "__init__":
            return f"({ast.unparse(each.args).removeprefix('self').removeprefix(', ')})"
    fields = [ast.unparse(each) for each in node.body if isinstance(each, ast.AnnAssign)]
    return f"({', '.join(fields)})" if fields else ""


def _module(folder: Path, module: str) -> ast.Module:
    path = folder.joinpath(*module.split(".")[1:])
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8"))


def _contents(folder: Path, docs: dict[str, str]) -> str:
    """A fold per top-level folder: the names it exports, then its modules with their first sentence."""
    groups: dict[str, list[str]] = {}
    for module in docs:
        groups.setdefault(module.split(".")[1] if "." in module else module, []).append(module)
    folds = []
    for group, modules in groups.items():
        exported = _exported(folder, group)
        names = f"<p><code>{escape(f'{folder.name}.{group}')}</code> exports {exported}.</p>" if exported else ""
        lines = "".join(f"<li>{_link(module)}: {_inline(_sentence(docs[module]))}</li>" for module in modules)
        folds.append(f"<details><summary>{escape(group)}</summary>{names}<ul>{lines}</ul></details>")
    return "".join(folds)


def _exported(folder: Path, group: str) -> str:
    """The names in the __all__ of a folder, or in its table _EXPORTS of lazy imports, as code; "" without any."""
    if not (folder / group / "__init__.py").is_file():
        return ""
    body = _module(folder, f"{folder.name}.{group}").body
    constants = {ast.unparse(node.targets[0]): node.value for node in body if isinstance(node, ast.Assign)}
    if isinstance(constants.get("__all__"), ast.List):
        names = ast.literal_eval(constants["__all__"])
    else:
        names = [name for names in ast.literal_eval(constants.get("_EXPORTS", "{}")).values() for name in names]
    return ", ".join(f"<code>{escape(name)}</code>" for name in names)


def _sentence(doc: str) -> str:
    """The first sentence of a docstring, on one line."""
    return re.split(r"(?<=\.) ", " ".join(doc.split("\n\n")[0].split()))[0]


def _section(module: str, doc: str, entries: list[Entry]) -> str:
    parts = "".join(
        f'<div class="entry" data-name="{escape(f"{entry.module}.{entry.name}")}" '
        f'data-sentence="{escape(_sentence(entry.doc))}">'
        f'<h3 id="{escape(entry.module)}.{escape(entry.name)}">{escape(entry.name)}</h3>'
        f"<pre><code>{escape(entry.name + entry.signature)}</code></pre>{_prose(entry.doc)}</div>"
        for entry in entries
    )
    return f'<section class="module" id="{escape(module)}"><h2>{escape(module)}</h2>{_prose(doc)}{parts}</section>'


def _link(module: str) -> str:
    return f'<a href="#{escape(module)}"><code>{escape(module)}</code></a>'


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))


def _prose(doc: str) -> str:
    """The paragraphs of a docstring; one with indented lines or an example keeps its line breaks."""
    paragraphs = [text for text in re.split(r"\n\s*\n", doc) if text.strip()]
    literal = [text.startswith(">>>") or re.search(r"^ {2,}", text, re.M) for text in paragraphs]
    return "".join(
        f"<pre>{escape(text)}</pre>" if keep else f"<p>{_inline(text)}</p>" for text, keep in zip(paragraphs, literal)
    )
