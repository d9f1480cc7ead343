"""The index page of a report: conclusion, data, what was done, main metrics, and a row per page with its status."""
import os
import time
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from workbench.artifacts import write_text
from workbench.errors import UserError
from workbench.notebooks import RunResult, package_versions
from workbench.report.export import notebook_title, read_notebook
from workbench.report.glossary import glossary
from workbench.report.page_template import definition_list, html_document, table_cell
from workbench.report.sanitize_html import align_numbers
from workbench.report.summary.cover import NO_COVER, Cover
from workbench.report.thumbnail import thumbnail


class PageResult(NamedTuple):
    """A row of the index. title: the question of the page. code: as in RunResult. html: None if it was not written."""

    name: str
    title: str
    ok: bool
    code: int
    seconds: float
    html: Path | None
    error: str


def index_page(
    pages: list[RunResult], out: Path, headline: dict[str, Any], parameters: dict[str, Any],
    more: list[PageResult] | None = None, *, cover: Cover = NO_COVER, summary: dict[str, Any] | None = None,
    caption: str = "", planned: int = 0,
) -> Path:  # fmt: skip
    """Write out/index.html over notebook `pages` and `more` pages, each with a thumbnail; returns its path.

    headline: main metrics, either name -> value or name -> {column: value}, which becomes a table; caption: a sentence
    below it. cover: title, author and note. summary: sections before the table by heading, each a paragraph, a list of
    sentences, or names and values. planned: how many pages the whole report has. All text is escaped.
    """
    rows, target = [*map(_notebook_row, pages), *(more or [])], Path(out) / "index.html"
    info = {"pages": len(rows), "took": f"{sum(row.seconds for row in rows):.0f} s", **provenance()}
    unfinished = f"<strong>NOT FINISHED</strong>: {len(rows)} of {planned} pages; the same command goes on"
    banners = [failure_banner([row.name for row in rows if not row.ok]), unfinished if len(rows) < planned else ""]
    banner = "<br>".join(filter(None, banners))
    header = page_header(cover.heading, {}, {}, banner=banner, below=cover.html())
    shown = {row.name: link(row.html, Path(out)) for row in rows if row.html}
    words = "".join(_summary_section(heading, content) for heading, content in (summary or {}).items() if content)
    main = (f'<main id="main">{words}{headline_section(headline, caption)}{_pages(rows, Path(out))}'
            f"{_provenance_section(parameters, info)}{glossary(set(), shown)}</main>")  # fmt: skip
    write_text(target, html_document(cover.heading, f'<div class="sheet">{header}{main}</div>'))
    return target


def _provenance_section(parameters: dict[str, Any], info: dict[str, Any]) -> str:
    lists = f'{definition_list(parameters)}<div class="quiet">{definition_list(info)}</div>'
    return f"<section><h2>How this report was made</h2>{lists}</section>"


def _summary_section(heading: str, content: str | list[str] | dict[str, Any]) -> str:
    """A section of text: a paragraph, a paragraph of sentences, or a definition list."""
    if isinstance(content, dict):
        html = definition_list(content)
    else:
        html = f"<p>{escape(content if isinstance(content, str) else ' '.join(filter(None, content)))}</p>"
    return f'<section class="words"><h2>{escape(heading)}</h2>{html}</section>'


def _notebook_row(result: RunResult) -> PageResult:
    """The row of a notebook: the question it asks, and the code cell in which it failed."""
    question = result.name
    with suppress(UserError):  # an unreadable notebook has failed already; show its file name
        question = notebook_title(read_notebook(result.executed), result.name)
    cell = f"code cell {result.cell}: " if result.cell else ""
    return PageResult(result.name, question, result.ok, result.code, result.seconds, result.html, cell + result.error)


def failure_banner(failed: list[str]) -> str:
    """The banner that names failed pages, as HTML; "" if none failed."""
    return f"<strong>FAILED</strong>: {escape(', '.join(failed))}" if failed else ""


def provenance() -> dict[str, Any]:
    """Time of creation and versions, as every report states them."""
    return {"made": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), **package_versions()}


def page_header(
    heading: str, parameters: dict[str, Any], info: dict[str, Any], *, banner: str = "", below: str = ""
) -> str:
    """The header of a page: heading, HTML below it, failure banner (HTML, "" for none), parameters, and data and
    provenance."""
    alert = f'<div class="failed" role="alert">{banner}</div>' if banner else ""
    return (f'<header class="top"><h1>{escape(heading)}</h1>{below}{alert}{definition_list(parameters)}'
            f'<div class="quiet">{definition_list(info)}</div></header>')  # fmt: skip


def link(target: Path, out: Path) -> str:
    """The address of a page relative to the folder `out`, escaped for an attribute."""
    return escape(os.path.relpath(target, out).replace(os.sep, "/"), quote=True)


def headline_section(headline: dict[str, Any], caption: str = "") -> str:
    """The main metrics as a section with a table; "" without any. headline, caption: see `index_page`."""
    if not headline:
        return ""
    table = {name: value if isinstance(value, dict) else {"": value} for name, value in headline.items()}
    columns = list(dict.fromkeys(column for row in table.values() for column in row))
    head = "".join(f"<th>{escape(str(column))}</th>" for column in ["", *columns])
    rows = [
        f"<tr><th>{escape(str(name))}</th>"
        + "".join(table_cell(row.get(column)) if column in row else "<td>—</td>" for column in columns)
        + "</tr>"
        for name, row in table.items()
    ]
    html = f'<table class="dataframe"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    below = f'<p class="quiet">{escape(caption)}</p>' if caption else ""
    return f'<section><h2>Main metrics</h2><div class="wide">{align_numbers(html)}</div>{below}</section>'


def _pages(pages: list[PageResult], out: Path) -> str:
    rows, seen = [], set()
    for row in pages:
        question, picture = escape(row.title), ""
        if row.html:
            address, picture = link(row.html, out), thumbnail(row.html, seen)
            question = f'<a href="{address}">{question}</a>'
            picture = f'<a href="{address}" tabindex="-1">{picture}</a>' if picture else ""
        status = '<span class="good">done</span>' if row.ok else (
            f'<span class="bad">failed</span> <span class="quiet">{escape(row.error)}</span>'
        )
        rows.append(f"<tr><td>{picture}</td><td>{question}</td><td>{status}</td><td>{row.seconds:.0f} s</td></tr>")
    head = "<tr><th></th><th>question</th><th>status</th><th>took</th></tr>"
    table = align_numbers(f"<table class=\"pages\"><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>")
    return f'<section><h2>Pages</h2><div class="wide">{table}</div></section>'
