"""What a notebook of the series or the workshop must keep to, read from its text alone."""
import ast
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from workbench.errors import UserError
from workbench.notebooks.exercises import breaches, is_class
from workbench.notebooks.parameters import literals, source, tagged

LINES = 12  # nonblank lines a cell
NAMES = 8  # names the import cell may bring in
WIDGETS = {"interact", "interactive", "interact_manual", "interactive_output", "Output"}
TRAINING = {"backward", "zero_grad"}
PATHS = {"chdir", "path", "environ"}  # of os and sys
FOLLOWERS = ("solution", "check")  # tags of cells that belong to the cell before them


def lint(path: Path | str) -> list[str]:
    """Every breach of the house rules for notebooks, one sentence each; [] where there is none."""
    path = Path(path)
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        cells = notebook["cells"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not a readable notebook: {error}", code=3) from error
    problems = [*_title(cells), *_stored(notebook), *_parameters(cells), *_imports(cells), *_prose(cells)]
    for number, cell in _codes(cells):
        problems += [f"code cell {number}: {problem}" for problem in _cell(source(cell))]
    return problems + [*breaches(cells, taught=is_class(path))] + _save(cells)


def _codes(cells: list[dict]) -> list[tuple[int, dict]]:
    return list(enumerate((cell for cell in cells if cell["cell_type"] == "code"), 1))


def _tree(code: str) -> ast.Module:
    """The cell parsed; an empty one where it is not Python, which `_cell` reports."""
    try:
        return ast.parse(code)
    except SyntaxError:
        return ast.Module([], [])


def _title(cells: list[dict]) -> Iterator[str]:
    first = source(cells[0]).strip().splitlines() if cells and cells[0]["cell_type"] == "markdown" else []
    if not first or not first[0].startswith("# ") or not first[0].rstrip().endswith("?"):
        yield "the first line must be a title that asks a question: `# ...?`"


def _stored(notebook: dict) -> Iterator[str]:
    cells = notebook["cells"]
    if any(cell.get("outputs") or cell.get("execution_count") for cell in cells):
        yield "outputs or execution counts are stored; strip them"
    if extra := sorted({"widgets", "papermill", "workbench"} & set(notebook.get("metadata", {}))):
        yield f"the metadata of a run is stored: {', '.join(extra)}"
    ids = [cell.get("id") for cell in cells]
    if not all(ids) or len(set(ids)) != len(ids) or (notebook.get("nbformat"), notebook.get("nbformat_minor")) < (4, 5):
        yield "every cell needs an id of its own (nbformat 4.5)"


def _parameters(cells: list[dict]) -> Iterator[str]:
    found = [cell for _, cell in _codes(cells) if tagged(cell, "parameters")]
    if len(found) != 1:
        yield f"one code cell must be tagged `parameters`; {len(found)} are"
        return
    try:
        literals(source(found[0]))
    except (ValueError, SyntaxError) as error:
        yield f"parameters cell: {error}"


def _imported(code: str) -> list[str]:
    nodes = [node for node in ast.walk(_tree(code)) if isinstance(node, ast.Import | ast.ImportFrom)]
    return [alias.name for node in nodes for alias in node.names]


def _imports(cells: list[dict]) -> Iterator[str]:
    found = [(number, _imported(source(cell))) for number, cell in _codes(cells)]
    found = [(number, names) for number, names in found if names]
    if len(found) > 1:
        yield f"imports belong in one cell; they are in code cells {', '.join(str(number) for number, _ in found)}"
    for number, names in found:
        if len(names) > NAMES:
            yield f"code cell {number}: {len(names)} names imported; {NAMES} at most"


def _prose(cells: list[dict]) -> Iterator[str]:
    codes = {id(cell): number for number, cell in _codes(cells)}
    for before, cell in zip([None, *cells], cells, strict=False):
        if id(cell) not in codes or _imported(source(cell)) or any(tagged(cell, t) for t in ("parameters", *FOLLOWERS)):
            continue
        if before is None or before["cell_type"] != "markdown":
            yield f"code cell {codes[id(cell)]}: no sentence before it says what to expect"


def _save(cells: list[dict]) -> list[str]:
    """The last code cell keeps something: it calls glue(...) or something named save."""
    codes = _codes(cells)
    calls = _called(_tree(source(codes[-1][1]))) if codes else []
    kept = any(name == "glue" or "save" in name for name in calls)
    return [] if kept else ["the last code cell must be the save cell: it calls glue(...) or a save function"]


def _called(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield getattr(node.func, "attr", getattr(node.func, "id", ""))


def _cell(code: str) -> Iterator[str]:
    """What a single code cell may not hold."""
    lines = [line for line in code.splitlines() if line.strip()]
    if len(lines) > LINES:
        yield f"{len(lines)} lines; {LINES} at most"
    magics = [line.strip() for line in lines if line.lstrip().startswith(("%", "!"))]
    if magics:
        yield f"{magics[0]!r}: no magics or shell commands"
        return
    try:
        tree = ast.parse(code)
    except SyntaxError as error:
        yield f"not Python: {error.msg}, line {error.lineno}"
        return
    for node in ast.walk(tree):
        for breaks, problem in RULES:
            if breaks(node):
                yield f"line {getattr(node, 'lineno', 1)}: {problem}"


def _name(node: ast.AST) -> str:
    """The last name of a call, a dotted name or an import."""
    node = node.func if isinstance(node, ast.Call) else node
    return getattr(node, "attr", getattr(node, "id", ""))


def _tqdm(node: ast.AST) -> bool:
    modules = [getattr(node, "module", "") or ""] if isinstance(node, ast.ImportFrom) else []
    modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    return any(module in ("tqdm.auto", "tqdm.notebook", "tqdm.autonotebook") for module in modules)


RULES: list[tuple[Callable[[ast.AST], bool], str]] = [
    (lambda node: isinstance(node, ast.ClassDef), "a class belongs in the package"),
    (lambda node: isinstance(node, ast.Try), "try belongs in the package"),
    (lambda node: isinstance(node, ast.While), "while loops belong in the package"),
    (
        lambda node: isinstance(node, ast.For) and not TRAINING.isdisjoint(_called(node)),
        "a training loop belongs in the package",
    ),
    (
        lambda node: isinstance(node, ast.Attribute) and node.attr in PATHS and _name(node.value) in ("os", "sys"),
        "path juggling belongs in the package",
    ),
    (lambda node: isinstance(node, ast.Call) and _name(node) in WIDGETS, "raw widgets hang headless runs; use show"),
    (_tqdm, "tqdm's notebook bars stand still in a page; use workbench.progress"),
    (
        lambda node: isinstance(node, ast.Call)
        and _name(node) in ("HTML", "HTMLMath")
        and not all(isinstance(arg, ast.Constant) for arg in [*node.args, *(word.value for word in node.keywords)]),
        "raw HTML of changing text lets a title run script; use a function of show",
    ),
]
