"""The catalogue of systems as a table for a page: what each file says of itself, read from its text."""
import ast
import re
from typing import Any, NamedTuple

from workbench.systems import describe, family, module_text, names

COLUMNS = ("system", "family", "what it is", "paper", "off switch", "placebo")
FIELD = r"^Paper +(.*?)(?=^\w+ {2,}|\Z)"


class Entry(NamedTuple):
    """One system: name, family, the first line of its docstring, the paper named there, and the keywords of build()
    that switch its idea off or replace it by a placebo, None where there are none."""

    name: str
    family: str
    line: str
    paper: str
    off: dict[str, Any] | None
    placebo: dict[str, Any] | None


def entry(name: str) -> Entry:
    """What the file of a system says. UserError, naming the nearest, if there is none."""
    module = module_text(name)
    paper = re.search(FIELD, ast.get_docstring(module) or "", re.S | re.M)
    said = " ".join(paper[1].split()) if paper else ""
    return Entry(name, family(name), describe(name), said, _literal(module, "OFF"), _literal(module, "PLACEBO"))


def markdown() -> str:
    """The table of all systems, families together, as Markdown: the one that stands in README.md."""
    rows = [COLUMNS, ["---"] * len(COLUMNS)]
    for each in sorted(map(entry, names()), key=lambda each: (each.family, each.name)):
        link = f"[`{each.name}`](workbench/systems/{each.family}/{each.name}.py)"
        line = (each.line.partition(": ")[2] or each.line).rstrip(".")
        rows.append([link, each.family, line, _paper(each.paper), _keywords(each.off), _keywords(each.placebo)])
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows) + "\n"


def _literal(module: ast.Module, name: str) -> Any:
    """The value that a module's text gives to a name, None where it gives none."""
    for node in module.body:
        if isinstance(node, ast.Assign) and name in [getattr(target, "id", "") for target in node.targets]:
            return ast.literal_eval(node.value)
    return None


def _paper(said: str) -> str:
    """The paper without its full stop, its arXiv number as a link; a dash where a system has none."""
    if said.startswith("None"):
        return "—"
    return re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", said.rstrip("."))


def _keywords(given: dict[str, Any] | None) -> str:
    return ", ".join(f"`{name}={value!r}`" for name, value in given.items()) if given else "—"
