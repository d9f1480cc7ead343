"""The catalogue of systems: description, paper, ablation and placebo of each system, parsed from its source; and of the
sources of data that nobody can ship."""
import ast
import re
from typing import Any, NamedTuple

from workbench.systems import describe, evidence, family, names, parse_source, sources, verb

COLUMNS = ("system", "family", "verb", "description", "paper", "ablation", "placebo", "evidence")
HEADER = """# Systems

Generated from the system files: `workbench systems --form markdown > reports/systems.md`. An ablation (`OFF` in the
file) switches the main idea of a system off; a placebo (`PLACEBO`) replaces its input by an uninformative one.
The verdicts are those of `workbench study`, by dataset: *works* (on - off and on - placebo both above zero), *no effect
shown*, *worse than its parent*, *a placebo does as well*, *no parent to compare with*, *no conclusion*.
What a family does is its verb (`workbench/systems/verbs.py`): systems that *rank* or *rescore* are trained by
themselves, those that *select* or *forget* through a base, such as `sasrec`.

"""


class Entry(NamedTuple):
    """One system: name, family and its verb, the first line of its docstring, its paragraphs from Paper to
    Reported, and the keywords of build() for its ablation (the module's OFF) and its placebo control (PLACEBO), None
    where it has none. parent: the system that it equals when it is switched off, None if that is no system here."""

    name: str
    family: str
    verb: str
    description: str
    paper: str
    idea: str
    equation: str
    claim: str
    differs: str
    reported: str
    parent: str | None
    off: dict[str, Any] | None
    placebo: dict[str, Any] | None


def entry(name: str) -> Entry:
    """The catalogue entry of a system. UserError if there is no such system."""
    module = parse_source(name)
    text = ast.get_docstring(module) or ""
    paragraphs = [_paragraph(text, head) for head in ("Paper", "Idea", "Equation", "Claim", "Differs", "Reported")]
    literals = [_literal(module, literal) for literal in ("PARENT", "OFF", "PLACEBO")]
    return Entry(name, family(name), verb(name), describe(name), *paragraphs, *literals)


def _paragraph(text: str, head: str) -> str:
    """A paragraph of a docstring by its head, such as "Paper", in one line; "" if there is none."""
    match = re.search(rf"^{head} +(.*?)(?=^\w+ {{2,}}|\Z)", text, re.S | re.M)
    return " ".join(match[1].split()) if match else ""


def markdown_table() -> str:
    """The table of all systems, sorted by family, as Markdown with links relative to reports/."""
    rows = [COLUMNS, ["---"] * len(COLUMNS)]
    for system in sorted(map(entry, names()), key=lambda system: (system.family, system.name)):
        link = f"[`{system.name}`](../workbench/systems/{system.family}/{system.name}.py)"
        text = (system.description.partition(": ")[2] or system.description).rstrip(".")
        controls = [_keywords(system.off), _keywords(system.placebo)]
        rows.append([link, system.family, system.verb, text, _paper(system.paper), *controls, _evidence(system.name)])
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows) + "\n"


def markdown_page() -> str:
    """The page reports/systems.md: a heading, a note, `markdown_table` and the sources of data that nobody can ship."""
    return f"{HEADER}{markdown_table()}\n{sources.markdown_section()}"


def _literal(module: ast.Module, name: str) -> Any:
    """The literal value assigned to a name in a module's source, None if there is none."""
    for node in module.body:
        if isinstance(node, ast.Assign) and name in map(ast.unparse, node.targets):
            return ast.literal_eval(node.value)
    return None


def _paper(citation: str) -> str:
    """The citation without its full stop, its arXiv number as a link; a dash for a system without a paper."""
    if citation.startswith("None"):
        return "—"
    return re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", citation.rstrip("."))


def _evidence(name: str) -> str:
    """The verdicts of the stored studies of a system, each a link to its file."""
    studies = evidence.stored(name)
    return "<br>".join(f"[{each.text()}](results/systems/{each.path.name})" for each in studies) or "none yet"


def _keywords(settings: dict[str, Any] | None) -> str:
    return ", ".join(f"`{name}={value!r}`" for name, value in settings.items()) if settings else "—"
