"""The HTML template of every page: security policy, style sheet, scripts, facts and contents; nothing is fetched."""
import base64
import hashlib
from functools import cache
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


@cache
def _file(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


@cache
def plotly_js() -> str:
    """The source of plotly.js as installed with plotly, read without importing plotly."""
    return (Path(find_spec("plotly").origin).parent / "package_data" / "plotly.min.js").read_text(encoding="utf-8")


def _policy(scripts: list[str]) -> str:
    """A Content Security Policy that allows only these scripts and no requests."""
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{value}'" for value in hashes) or "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
        "connect-src 'none'; base-uri 'none'; form-action 'none'"
    )


def _tags(scripts: list[str]) -> str:
    return "".join(f"<script>{script}</script>" for script in scripts)


def html_document(title: str, body: str) -> str:
    """A complete HTML document around `body`, which is trusted, with the scripts that it uses: plotly.js for a figure,
    and those for tables, folds and search."""
    early = [plotly_js()] if '<div class="plot"' in body else []
    parts = {"page.js": bool(early), "../show/sort.js": 'class="dataframe' in body,
             "../show/tables.js": "<table" in body,
             "folds.js": "<details" in body, "search.js": 'id="search"' in body}  # fmt: skip
    late = [_file(name) for name, used in parts.items() if used]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(early + late)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>\n{_file('page.css')}</style>\n{_tags(early)}\n</head>\n"
        f"<body>\n{body}\n{_tags(late)}\n</body>\n</html>\n"
    )


def format_value(value: Any) -> str:
    """A value as text: four decimals for a fraction, else four significant digits, with thousands separators.

    >>> [format_value(x) for x in (0.0512345, 2e-5, 12101, [True, None], {"users": 300})]
    ['0.0512', '2e-05', '12,101', 'yes, —', 'users=300']
    """
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(format_value, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name}={format_value(inner)}" for name, inner in value.items()) or "none"
    if isinstance(value, float):
        return f"{value:.4f}" if 1e-4 <= abs(value) < 1 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def table_cell(value: Any) -> str:
    """A cell of a table; a number that `format_value` rounds or groups keeps its full value for the saved table.

    >>> table_cell(0.0512345), table_cell("a")
    ('<td data-value="0.0512345">0.0512</td>', '<td>a</td>')
    """
    text, exact = format_value(value), str(value) if isinstance(value, int | float) else ""
    keep = exact and exact != text and not isinstance(value, bool)
    return f"<td{f' data-value={chr(34)}{exact}{chr(34)}' if keep else ''}>{escape(text)}</td>"


def definition_list(rows: dict[str, Any]) -> str:
    """Names and values as an HTML definition list, without empty texts."""
    items = ((escape(str(name)), escape(format_value(value))) for name, value in rows.items() if value != "")
    html = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in items)
    return f'<dl class="facts">{html}</dl>' if html else ""


def table_of_contents(headings: list[tuple[int, str, str]]) -> str:
    """A table of contents over (level, anchor, text) without the title (level 1); "" if it would be empty."""
    lines = [
        f'<li{" class=deep" if level > 2 else ""}><a href="#{name}">{escape(text)}</a></li>'
        for level, name, text in headings
        if level > 1
    ]
    if not lines:
        return ""
    return f'<nav class="contents" aria-label="Contents"><strong>On this page</strong><ol>{"".join(lines)}</ol></nav>\n'
