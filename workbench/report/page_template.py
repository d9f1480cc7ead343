"""The frame every page shares: policy, style, scripts and the table of facts; nothing in it is fetched."""
import base64
import hashlib
from functools import cache
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@cache
def _file(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


@cache
def plotly_js() -> str:
    """plotly.js as installed with plotly, read without importing plotly."""
    return (Path(find_spec("plotly").origin).parent / "package_data" / "plotly.min.js").read_text(encoding="utf-8")


def _policy(scripts: list[str]) -> str:
    """A content-security policy under which these scripts run and no other, and nothing is requested."""
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{value}'" for value in hashes) or "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
        "connect-src 'none'; base-uri 'none'; form-action 'none'"
    )


def _tags(scripts: list[str]) -> str:
    return "".join(f"<script>{script}</script>" for script in scripts)


def page(title: str, body: str) -> str:
    """A whole HTML document around `body`, which is trusted; plotly.js is included once where it holds a figure."""
    early = [plotly_js()] if '<div class="plot"' in body else []
    late = [_file("page.js")] if early else []
    late += [_file("../show/sort.js")] if 'class="dataframe' in body else []
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(early + late)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>\n{_file('page.css')}</style>\n{_tags(early)}\n</head>\n"
        f"<body>\n{body}\n{_tags(late)}\n</body>\n</html>\n"
    )


def words(value: Any) -> str:
    """A value for people: four digits, behind the point where it is a fraction, and thousands set apart.

    >>> words(0.0512345), words(2e-5), words(12101), words([True, None]), words({"users": 300})
    ('0.0512', '2e-05', '12,101', 'yes, —', 'users=300')
    """
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(words, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name}={words(inner)}" for name, inner in value.items()) or "none"
    if isinstance(value, float):
        return f"{value:.4f}" if 1e-4 <= abs(value) < 1 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def facts(rows: dict[str, Any]) -> str:
    """Names and values side by side."""
    lines = [f"<div><dt>{escape(str(key))}</dt><dd>{escape(words(value))}</dd></div>" for key, value in rows.items()]
    return f'<dl class="facts">{"".join(lines)}</dl>' if lines else ""


def contents(headings: list[tuple[int, str, str]]) -> str:
    """A table of contents over (level, anchor, text); the title, of level 1, is not in it. "" where nothing is."""
    lines = [
        f'<li{" class=deep" if level > 2 else ""}><a href="#{name}">{escape(text)}</a></li>'
        for level, name, text in headings
        if level > 1
    ]
    if not lines:
        return ""
    return f'<nav class="contents" aria-label="Contents"><strong>On this page</strong><ol>{"".join(lines)}</ol></nav>\n'
