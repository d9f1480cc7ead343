"""An executed notebook as one page that opens anywhere: offline, safe, with its figures, and honest about failure."""
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
from workbench.notebooks.parameters import tagged
from workbench.report.cell_outputs import joined, markdown, output
from workbench.report.page_template import contents, facts, page, words
from workbench.report.sanitize_html import clean

HEADING = re.compile(r"<h([1-3])>(.*?)</h\1>", re.S)
TITLE = re.compile(r"<h1>(.*?)</h1>", re.S)
STATE = "application/vnd.jupyter.widget-state+json"


def plain(html: str) -> str:
    """The text of a piece of HTML."""
    return unescape(nh3.clean(html, tags=set())).strip()


def read(executed: Path) -> dict:
    """An executed notebook. UserError where the file is none."""
    try:
        notebook = json.loads(Path(executed).read_text(encoding="utf-8"))
        notebook["cells"], notebook["metadata"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{executed}: not a readable notebook: {error}", code=3) from error
    return notebook


def title(notebook: dict, name: str) -> str:
    """The question a notebook asks: its first title, else its name."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown" and (found := TITLE.search(clean(markdown(joined(cell["source"]))))):
            return plain(found[1])
    return name


def export(executed: Path, html: Path | None = None) -> Path:
    """Write the page of an executed notebook, by default beside it, whole or not at all; returns where it lies."""
    executed = Path(executed)
    html = Path(html) if html else executed.with_suffix(".html")
    notebook = read(executed)
    headings: list[tuple[int, str, str]] = []
    states = notebook["metadata"].get("widgets", {}).get(STATE, {}).get("state", {})
    failed = notebook["metadata"].get("workbench", {}).get("cell")
    cells = "\n".join(_prose(cell, headings) if cell["cell_type"] == "markdown" else _code(cell, states, failed)
                      for cell in notebook["cells"] if cell["cell_type"] in ("markdown", "code"))  # fmt: skip
    name = title(notebook, executed.stem)
    toc = contents(headings)
    body = f'{_top(notebook, name)}{toc}<main id="main">\n{cells}</main>'
    write_text(html, page(name, f'<div class="sheet{" with-contents" if toc else ""}">{body}</div>'))
    return html


def _prose(cell: dict, headings: list[tuple[int, str, str]]) -> str:
    """A markdown cell; its headings are collected and get anchors. The first title moves to the top of the page."""

    def anchor(found: re.Match) -> str:
        level, name = int(found[1]), f"section-{len(headings) + 1}"
        headings.append((level, name, plain(found[2])))
        first = level == 1 and [depth for depth, _, _ in headings].count(1) == 1
        return "" if first else f'<h{level} id="{name}">{found[2]}</h{level}>'

    # clean first, add what is ours after
    text = HEADING.sub(anchor, clean(markdown(joined(cell["source"]))))
    return f'<div class="cell">{text}</div>'


def _code(cell: dict, states: dict[str, dict], failed: int | None) -> str:
    """A code cell: folded source with its seconds, then its outputs."""
    source = joined(cell["source"])
    if not source.strip():
        return ""
    number, seconds = cell.get("execution_count"), cell.get("metadata", {}).get("workbench", {}).get("seconds")
    ran = f"{seconds:.1f} s" if seconds is not None and seconds >= 0.05 else ""
    kind = next((tag for tag in TAGS if tagged(cell, tag)), "code")
    label = kind if number is not None else f"{kind}, not run"
    outputs = "".join(output(out, states) for out in cell.get("outputs", []))
    colours = highlight(source, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True))
    opening = f'class="cell" id="in-{number}"' if number is not None else 'class="cell skipped"'
    unfolded = " open" if failed is not None and number == failed else ""
    return (
        f'<div {opening}><details class="code"{unfolded}>'
        f"<summary>{label}{' · ' + ran if ran else ''}</summary><pre>{colours}</pre></details>{outputs}</div>"
    )


def _top(notebook: dict, name: str) -> str:
    """Title, how the run went, its parameters and its circumstances."""
    about: dict[str, Any] = notebook["metadata"].get("workbench", {})
    rows = {"data": glued(notebook).get("data_hash"), "took": f"{about['seconds']:.0f} s" if about else None}
    rows |= {"made": about.get("made"), **about.get("versions", {})}
    banner = ""
    if about.get("code"):
        place = about.get("cell")
        where = f'<a href="#in-{place}">code cell {place}</a>' if place else "before its first cell"
        banner = (
            f'<div class="failed" role="alert"><strong>FAILED</strong> in {where}: {escape(about["error"])}. '
            "What follows is what was reached; it is not a result.</div>"
        )
    return (
        f'<header class="top"><h1>{escape(name)}</h1>{banner}{facts(about.get("parameters", {}))}'
        f'<div class="quiet">{facts({key: words(value) for key, value in rows.items() if value})}</div></header>'
    )
