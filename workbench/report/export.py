"""Export an executed notebook as one self-contained HTML page with its figures; a failed run is marked as failed."""
import json
import re
from html import escape, unescape
from pathlib import Path
from typing import Any

import nh3
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from workbench.artifacts import write_text
from workbench.errors import UserError
from workbench.notebooks import glued
from workbench.notebooks.exercises import TAGS
from workbench.notebooks.parameters import has_tag
from workbench.report.cell_outputs import joined_lines, mark_cover, markdown, output_html
from workbench.report.glossary import glossary, link_terms
from workbench.report.page_template import definition_list, format_value, html_document, table_of_contents
from workbench.report.sanitize_html import sanitize
from workbench.report.summary.data import epochs, profile_sentence, with_dataset_name

HEADING = re.compile(r"<h([1-3])>(.*?)</h\1>", re.S)
TITLE = re.compile(r"<h1>(.*?)</h1>", re.S)
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"


def plain_text(html: str) -> str:
    """HTML as text without tags."""
    return unescape(nh3.clean(html, tags=set())).strip()


def read_notebook(executed: Path) -> dict:
    """The JSON of an executed notebook. UserError if the file is not a notebook."""
    try:
        notebook = json.loads(Path(executed).read_text(encoding="utf-8"))
        notebook["cells"], notebook["metadata"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{executed}: not a readable notebook: {error}", code=3) from error
    return notebook


def notebook_title(notebook: dict, name: str) -> str:
    """The first level-1 heading of a notebook, else `name`."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            html = sanitize(markdown(joined_lines(cell["source"])))
            if match := TITLE.search(html):
                return plain_text(match[1])
    return name


def export_notebook(executed: Path, html: Path | None = None) -> Path:
    """Write the page of an executed notebook atomically, by default next to it; returns its path."""
    executed = Path(executed)
    html = Path(html) if html else executed.with_suffix(".html")
    notebook = read_notebook(executed)
    headings: list[tuple[int, str, str]] = []
    terms: set[str] = set()
    states = notebook["metadata"].get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    failed = notebook["metadata"].get("workbench", {}).get("cell")
    cells = "\n".join(_prose(cell, headings, terms) if cell["cell_type"] == "markdown" else _code(cell, states, failed)
                      for cell in notebook["cells"] if cell["cell_type"] in ("markdown", "code"))  # fmt: skip
    name = notebook_title(notebook, executed.stem)
    toc = table_of_contents(headings)
    body = f'{_header(notebook, name)}{toc}<main id="main">\n{cells}{glossary(terms)}</main>'
    write_text(html, html_document(name, f'<div class="sheet{" with-contents" if toc else ""}">{body}</div>'))
    return html


def _prose(cell: dict, headings: list[tuple[int, str, str]], terms: set[str]) -> str:
    """A markdown cell; its headings get anchors and are appended to `headings`. The first title is left out, since the
    header of the page shows it."""

    def add_anchor(match: re.Match) -> str:
        level, name = int(match[1]), f"section-{len(headings) + 1}"
        headings.append((level, name, plain_text(match[2])))
        is_title = level == 1 and [depth for depth, _, _ in headings].count(1) == 1
        return "" if is_title else f'<h{level} id="{name}">{match[2]}</h{level}>'

    # sanitize before adding anchors, which sanitizing would remove
    text = HEADING.sub(add_anchor, sanitize(markdown(joined_lines(cell["source"]))))
    return f'<div class="cell">{link_terms(text, terms)}</div>'


def _code(cell: dict, states: dict[str, dict], failed: int | None) -> str:
    """A code cell: folded source with its seconds, then its outputs."""
    source = joined_lines(cell["source"])
    if not source.strip():
        return ""
    number, seconds = cell.get("execution_count"), cell.get("metadata", {}).get("workbench", {}).get("seconds")
    ran = f"{seconds:.1f} s" if seconds is not None and seconds >= 0.05 else ""
    kind = next((tag for tag in TAGS if has_tag(cell, tag)), "code")
    label = kind if number is not None else f"{kind}, not run"
    outputs = "".join(output_html(out, states) for out in cell.get("outputs", []))
    outputs = mark_cover(outputs) if has_tag(cell, "cover") else outputs
    highlighted = highlight(source, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True))
    opening = f'class="cell" id="in-{number}"' if number is not None else 'class="cell skipped"'
    unfolded = " open" if failed is not None and number == failed else ""
    return (
        f'<div {opening}><details class="code"{unfolded}>'
        f"<summary>{label}{' · ' + ran if ran else ''}</summary><pre>{highlighted}</pre></details>{outputs}</div>"
    )


def _run_facts(parameters: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a page, first those that every number depends on: data, profile with its limits, seed, and the
    epochs that networks were trained."""
    shown = with_dataset_name(parameters)
    if "profile" in shown and (sentence := profile_sentence(str(shown["profile"]))):
        shown["profile"] = sentence.removeprefix("Profile ").removesuffix(".")
        shown["epochs"] = epochs(values.get("training", {})) or "no network trained on this page"
    first = {name: shown[name] for name in ("dataset", "profile", "seed", "epochs") if name in shown}
    return first | shown


def _header(notebook: dict, name: str) -> str:
    """The header of the page: title, failure banner, parameters and provenance."""
    info: dict[str, Any] = notebook["metadata"].get("workbench", {})
    rows = {"data": glued(notebook).get("data_hash"), "took": f"{info['seconds']:.0f} s" if info else None}
    rows |= {"made": info.get("made"), **info.get("versions", {})}
    banner = ""
    if info.get("code"):
        number = info.get("cell")
        where = f'<a href="#in-{number}">code cell {number}</a>' if number else "before its first cell"
        banner = (
            f'<div class="failed" role="alert"><strong>FAILED</strong> in {where}: {escape(info["error"])}. '
            "The page shows the cells that ran; it is not a result.</div>"
        )
    parameters = definition_list(_run_facts(info.get("parameters", {}), glued(notebook)))
    provenance = definition_list({key: format_value(value) for key, value in rows.items() if value})
    return (f'<header class="top"><h1>{escape(name)}</h1>{banner}{parameters}'
            f'<div class="quiet">{provenance}</div></header>')  # fmt: skip
