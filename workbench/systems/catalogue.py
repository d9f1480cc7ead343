"""The catalogue of systems: description, paper, ablation and placebo of each system, parsed from its source."""
import ast
import re
from typing import Any, NamedTuple

from workbench.systems import describe, family, names, parse_source

COLUMNS = ("system", "family", "description", "paper", "ablation", "placebo")
HEADER = """# Systems

Generated from the system files: `workbench systems --form markdown > reports/systems.md`. An ablation (`OFF` in the
file) switches the main idea of a system off; a placebo (`PLACEBO`) replaces its input by an uninformative one.

"""
PAPER = r"^Paper +(.*?)(?=^\w+ {2,}|\Z)"


class Entry(NamedTuple):
    """One system: name, family, the first line of its docstring, its paper, and the keywords of build() for its
    ablation (the module's OFF) and its placebo control (PLACEBO), None where it has none."""

    name: str
    family: str
    description: str
    paper: str
    off: dict[str, Any] | None
    placebo: dict[str, Any] | None


def entry(name: str) -> Entry:
    """The catalogue entry of a system. UserError if there is no such system."""
    module = parse_source(name)
    paper = re.search(PAPER, ast.get_docstring(module) or "", re.S | re.M)
    citation = " ".join(paper[1].split()) if paper else ""
    return Entry(name, family(name), describe(name), citation, _literal(module, "OFF"), _literal(module, "PLACEBO"))


def markdown_table() -> str:
    """The table of all systems, sorted by family, as Markdown with links relative to reports/."""
    rows = [COLUMNS, ["---"] * len(COLUMNS)]
    for system in sorted(map(entry, names()), key=lambda system: (system.family, system.name)):
        link = f"[`{system.name}`](../workbench/systems/{system.family}/{system.name}.py)"
        text = (system.description.partition(": ")[2] or system.description).rstrip(".")
        controls = [_keywords(system.off), _keywords(system.placebo)]
        rows.append([link, system.family, text, _paper(system.paper), *controls])
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows) + "\n"


def markdown_page() -> str:
    """The page reports/systems.md: a heading, a note and `markdown_table`."""
    return HEADER + markdown_table()


def _literal(module: ast.Module, name: str) -> Any:
    """The literal value assigned to a name in a module's source, None if there is none."""
    for node in module.body:
        if isinstance(node, ast.Assign) and name in [getattr(target, "id", "") for target in node.targets]:
            return ast.literal_eval(node.value)
    return None


def _paper(citation: str) -> str:
    """The citation without its full stop, its arXiv number as a link; a dash for a system without a paper."""
    if citation.startswith("None"):
        return "—"
    return re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", citation.rstrip("."))


def _keywords(settings: dict[str, Any] | None) -> str:
    return ", ".join(f"`{name}={value!r}`" for name, value in settings.items()) if settings else "—"
