"""The front page over several pages: what was asked, how each went, and the numbers to look at first."""
import os
import time
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from workbench.artifacts import write_text
from workbench.errors import UserError
from workbench.notebooks import RunResult, versions
from workbench.report.export import read, title
from workbench.report.page_template import facts, page, words
from workbench.report.sanitize_html import align
from workbench.report.thumbnail import thumbnail


class Beside(NamedTuple):
    """A page of a report that is no notebook's. code: as of RunResult. html: None where it could not be made."""

    name: str
    title: str
    ok: bool
    code: int
    seconds: float
    html: Path | None
    error: str


def index(
    pages: list[RunResult], out: Path, headline: dict[str, Any], parameters: dict[str, Any],
    more: list[Beside] | None = None,
) -> Path:  # fmt: skip
    """Write out/index.html over `pages`, each with its first figure drawn small. more: pages that are no notebook's.

    headline: either names with values, or names with dicts of values, which become the rows of a table. All text in
    it is escaped.
    """
    out = Path(out)
    beside = [*map(_notebook, pages), *(more or [])]
    failed = [made.name for made in beside if not made.ok]
    total = sum(made.seconds for made in beside)
    made = {"pages": len(beside), "took": f"{total:.0f} s", **circumstances()}
    parts = [
        top("Workbench report", parameters, made, banner=f"<strong>FAILED</strong>: {names(failed)}" if failed else ""),
        f'<main id="main">{glance(headline)}{_pages(beside, out)}</main>',
    ]
    target = out / "index.html"
    write_text(target, page("Workbench report", f'<div class="sheet">{"".join(parts)}</div>'))
    return target


def _notebook(result: RunResult) -> Beside:
    """A notebook as a row of the index: its question, and in which cell it failed."""
    question = result.name
    with suppress(UserError):  # a notebook that cannot be read failed for that, and goes by its name
        question = title(read(result.executed), result.name)
    place = f"code cell {result.cell}: " if result.cell else ""
    return Beside(result.name, question, result.ok, result.code, result.seconds, result.html, place + result.error)


def names(given: list[str]) -> str:
    """Names in a row, escaped."""
    return escape(", ".join(given))


def circumstances() -> dict[str, Any]:
    """When a report was made, and with which versions."""
    return {"made": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), **versions()}


def top(heading: str, parameters: dict[str, Any], made: dict[str, Any], *, banner: str = "") -> str:
    """The head of a front page: heading, banner (HTML) where something failed, what was asked, how it was made."""
    alert = f'<div class="failed" role="alert">{banner}</div>' if banner else ""
    return (f'<header class="top"><h1>{escape(heading)}</h1>{alert}{facts(parameters)}'
            f'<div class="quiet">{facts(made)}</div></header>')  # fmt: skip


def link(target: Path, out: Path) -> str:
    """The address of a page from the folder `out`, as it stands in an attribute."""
    return escape(os.path.relpath(target, out).replace(os.sep, "/"), quote=True)


def glance(headline: dict[str, Any]) -> str:
    """The numbers to look at first as a section with a table, "" where there are none; see `index`."""
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
    whole = f'<table class="dataframe"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    return f'<section><h2>At a glance</h2><div class="wide">{align(whole)}</div></section>'


def _pages(pages: list[Beside], out: Path) -> str:
    rows = []
    for made in pages:
        question, drawn = escape(made.title), ""
        if made.html:
            address, drawn = link(made.html, out), thumbnail(made.html)
            question = f'<a href="{address}">{question}</a>'
            drawn = f'<a href="{address}" tabindex="-1">{drawn}</a>' if drawn else ""
        status = '<span class="good">done</span>' if made.ok else (
            f'<span class="bad">failed</span> <span class="quiet">{escape(made.error)}</span>'
        )
        rows.append(f"<tr><td>{drawn}</td><td>{question}</td><td>{status}</td><td>{made.seconds:.0f} s</td></tr>")
    head = "<tr><th></th><th>question</th><th>status</th><th>took</th></tr>"
    table = align(f"<table class=\"pages\"><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>")
    return f'<section><h2>Pages</h2><div class="wide">{table}</div></section>'
