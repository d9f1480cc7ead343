"""The rules for notebooks of the series and the workshop, checked on the source without running it."""
import ast
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from workbench.errors import UserError
from workbench.notebooks.exercises import exercise_problems, is_class
from workbench.notebooks.parameters import cell_source, has_tag, parse_literals

MAX_LINES = 12  # nonblank lines per cell
MAX_IMPORTS = 8  # names imported by the import cell
RAW_WIDGETS = {"interact", "interactive", "interact_manual", "interactive_output", "Output"}
TRAINING_CALLS = {"backward", "zero_grad"}
PATH_ATTRIBUTES = {"chdir", "path", "environ"}  # attributes of os and sys
OWN_MODEL = "own-model"  # tag of the one kind of cell that may define a class: a network, shown to be one's own
FOLLOWING_TAGS = ("solution", "check")  # tags of cells that need no text of their own before them


def lint(path: Path | str) -> list[str]:
    """Every violation of the rules for notebooks, one sentence each; [] if there is none. UserError if the file is not
    a notebook."""
    path = Path(path)
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        cells = notebook["cells"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not a readable notebook: {error}", code=3) from error
    problems = [*_title(cells), *_stored(notebook), *_parameters(cells), *_imports(cells), *_prose(cells)]
    for number, cell in _codes(cells):
        own = has_tag(cell, OWN_MODEL)
        problems += [f"code cell {number}: {problem}" for problem in _cell(cell_source(cell), own_model=own)]
    return [*problems, *exercise_problems(cells, workshop=is_class(path)), *_cover(cells), *_save(cells)]


def _codes(cells: list[dict]) -> list[tuple[int, dict]]:
    return list(enumerate((cell for cell in cells if cell["cell_type"] == "code"), 1))


def _tree(code: str) -> ast.Module:
    """The syntax tree of a cell; an empty one where it is not Python, which `_cell` reports."""
    try:
        return ast.parse(code)
    except SyntaxError:
        return ast.Module([], [])


def _title(cells: list[dict]) -> Iterator[str]:
    first = cell_source(cells[0]).strip().splitlines() if cells and cells[0]["cell_type"] == "markdown" else []
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
    tagged = [cell for _, cell in _codes(cells) if has_tag(cell, "parameters")]
    if len(tagged) != 1:
        yield f"one code cell must be tagged `parameters`; {len(tagged)} are"
        return
    try:
        parse_literals(cell_source(tagged[0]))
    except (ValueError, SyntaxError) as error:
        yield f"parameters cell: {error}"


def _imported(code: str) -> list[str]:
    nodes = [node for node in ast.walk(_tree(code)) if isinstance(node, ast.Import | ast.ImportFrom)]
    return [alias.name for node in nodes for alias in node.names]


def _imports(cells: list[dict]) -> Iterator[str]:
    imports = [(number, _imported(cell_source(cell))) for number, cell in _codes(cells)]
    imports = [(number, names) for number, names in imports if names]
    if len(imports) > 1:
        yield f"imports belong in one cell; they are in code cells {', '.join(str(number) for number, _ in imports)}"
    for number, names in imports:
        if len(names) > MAX_IMPORTS:
            yield f"code cell {number}: {len(names)} names imported; {MAX_IMPORTS} at most"


def _prose(cells: list[dict]) -> Iterator[str]:
    codes = {id(cell): number for number, cell in _codes(cells)}
    for before, cell in zip([None, *cells], cells, strict=False):
        exempt = any(has_tag(cell, tag) for tag in ("parameters", *FOLLOWING_TAGS))
        if id(cell) not in codes or exempt or _imported(cell_source(cell)):
            continue
        if before is None or before["cell_type"] != "markdown":
            yield f"code cell {codes[id(cell)]}: no text before it says what to expect"


def _cover(cells: list[dict]) -> Iterator[str]:
    """At most one code cell is tagged `cover`: the cell whose first figure is the thumbnail of the page."""
    if (n := sum(has_tag(cell, "cover") for cell in cells)) > 1:
        yield f"one cell at most is tagged `cover`; {n} are"
    if any(has_tag(cell, "cover") and cell["cell_type"] != "code" for cell in cells):
        yield "`cover` is a tag for code cells"


def _save(cells: list[dict]) -> Iterator[str]:
    """The last code cell records results: it calls glue(...) or a function with "save" in its name."""
    codes = _codes(cells)
    calls = _called(_tree(cell_source(codes[-1][1]))) if codes else []
    if not any(name == "glue" or "save" in name for name in calls):
        yield "the last code cell must be the save cell: it calls glue(...) or a save function"


def _called(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield _name(node)


def _cell(code: str, *, own_model: bool = False) -> Iterator[str]:
    """The problems of a single code cell. own_model: it may define one class, and nothing else."""
    lines = [line for line in code.splitlines() if line.strip()]
    if len(lines) > MAX_LINES:
        yield f"{len(lines)} lines; {MAX_LINES} at most"
    magics = [line.strip() for line in lines if line.lstrip().startswith(("%", "!"))]
    if magics:
        yield f"{magics[0]!r}: no magics or shell commands"
        return
    try:
        tree = ast.parse(code)
    except SyntaxError as error:
        yield f"not Python: {error.msg}, line {error.lineno}"
        return
    if own_model and [type(node) for node in tree.body] != [ast.ClassDef]:
        yield f"a cell tagged `{OWN_MODEL}` defines one class and does nothing else"
    for node in ast.walk(tree):
        for is_violation, problem in RULES:
            if is_violation(node) and not (own_model and isinstance(node, ast.ClassDef)):
                yield f"line {node.lineno if isinstance(node, ast.stmt | ast.expr) else 1}: {problem}"


def _name(node: ast.AST) -> str:
    """The last component of the name of a call or an attribute."""
    node = node.func if isinstance(node, ast.Call) else node
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _tqdm(node: ast.AST) -> bool:
    modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    return any(module in ("tqdm.auto", "tqdm.notebook", "tqdm.autonotebook") for module in modules)


RULES: list[tuple[Callable[[ast.AST], bool], str]] = [
    (lambda node: isinstance(node, ast.ClassDef), "a class belongs in the package"),
    (lambda node: isinstance(node, ast.Try), "try belongs in the package"),
    (lambda node: isinstance(node, ast.While), "while loops belong in the package"),
    (
        lambda node: isinstance(node, ast.For) and not TRAINING_CALLS.isdisjoint(_called(node)),
        "a training loop belongs in the package",
    ),
    (
        lambda node: isinstance(node, ast.Attribute)
        and node.attr in PATH_ATTRIBUTES
        and _name(node.value) in ("os", "sys"),
        "changing paths or the environment belongs in the package",
    ),
    (
        lambda node: isinstance(node, ast.Call) and _name(node) in RAW_WIDGETS,
        "raw widgets can hang headless runs; use workbench.show",
    ),
    (_tqdm, "tqdm's notebook bars do not update in an exported page; use workbench.progress"),
    (
        lambda node: isinstance(node, ast.Call)
        and _name(node) in ("HTML", "HTMLMath")
        and not all(isinstance(arg, ast.Constant) for arg in [*node.args, *(word.value for word in node.keywords)]),
        "raw HTML of variable text lets an item title run a script; use a function of workbench.show",
    ),
]
