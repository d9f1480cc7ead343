"""The front page over several pages: what was asked, how each went, and the numbers to look at first."""
import os
from html import escape
from pathlib import Path
from typing import Any

from workbench.artifacts import write_text
from workbench.notebooks import RunResult
from workbench.report.clean import align
from workbench.report.export import read, title
from workbench.report.frame import facts, page, words


def index(
    pages: list[RunResult], out: Path, headline: dict[str, Any], parameters: dict[str, Any], more: dict[str, Path]
) -> Path:
    """Write out/index.html over `pages`. more: files beside them that are no notebook's, by title.

    headline: either names with values, or names with dicts of values, which become the rows of a table. All text in
    it is escaped.
    """
    out = Path(out)
    failed = [result.name for result in pages if not result.ok]
    banner = f'<div class="failed" role="alert"><strong>FAILED</strong>: {escape(", ".join(failed))}</div>'
    total = sum(result.seconds for result in pages)
    parts = [
        f'<header class="top"><h1>Workbench report</h1>{banner if failed else ""}{facts(parameters)}'
        f'<div class="quiet">{facts({"notebooks": len(pages), "took": f"{total:.0f} s"})}</div></header>',
        f'<main id="main">{_headline(headline)}{_pages(pages, out)}{_more(more, out)}</main>',
    ]
    target = out / "index.html"
    write_text(target, page("Workbench report", f'<div class="sheet">{"".join(parts)}</div>'))
    return target


def _headline(headline: dict[str, Any]) -> str:
    if not headline:
        return ""
    table = {name: value if isinstance(value, dict) else {"": value} for name, value in headline.items()}
    columns = list(dict.fromkeys(column for row in table.values() for column in row))
    head = "".join(f"<th>{escape(str(column))}</th>" for column in ["", *columns])
    rows = [
        f"<tr><th>{escape(str(name))}</th>"
        + "".join(f"<td>{escape(words(row.get(column)))}</td>" for column in columns)
        + "</tr>"
        for name, row in table.items()
    ]
    whole = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<section><h2>At a glance</h2><div class="wide">{align(whole)}</div></section>'


def _pages(pages: list[RunResult], out: Path) -> str:
    rows = []
    for result in pages:
        question = escape(title(read(result.executed), result.name))
        if result.html:
            link = os.path.relpath(result.html, out).replace(os.sep, "/")
            question = f'<a href="{escape(link, quote=True)}">{question}</a>'
        place = f"code cell {result.cell}: " if result.cell else ""
        status = '<span class="good">done</span>' if result.ok else (
            f'<span class="bad">failed</span> <span class="quiet">{escape(place + result.error)}</span>'
        )
        rows.append(f"<tr><td>{question}</td><td>{status}</td><td>{result.seconds:.0f} s</td></tr>")
    head = "<tr><th>question</th><th>status</th><th>took</th></tr>"
    table = align(f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>")
    return f'<section><h2>Pages</h2><div class="wide">{table}</div></section>'


def _more(files: dict[str, Path], out: Path) -> str:
    if not files:
        return ""
    links = [(os.path.relpath(path, out).replace(os.sep, "/"), title) for title, path in files.items()]
    lines = "".join(f'<li><a href="{escape(link, quote=True)}">{escape(title)}</a></li>' for link, title in links)
    return f"<section><h2>Beside them</h2><ul>{lines}</ul></section>"
