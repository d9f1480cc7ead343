"""Sanitize untrusted HTML: allowed tags only, no scripts, no style sheets, no requests; align numbers in tables."""
import re

import nh3

TAGS = set(
    "a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 "
    "hr i img ins kbd li mark ol p pre q s samp small span strong sub summary sup table tbody td tfoot th thead tr u ul"
    .split()
)
TABLE_CELL_ATTRIBUTES = {"colspan", "rowspan", "scope", "style", "data-value"}  # data-value: as in show.tables
ATTRIBUTES = {
    "a": {"href", "title"},
    "abbr": {"title"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "td": TABLE_CELL_ATTRIBUTES,
    "th": TABLE_CELL_ATTRIBUTES,
    "span": {"style"},
    "div": {"style"},
}
STYLES = {"text-align", "color", "background-color", "font-weight", "font-style", "white-space", "padding-left"}
IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml)[;,]", re.I)
TABLE = re.compile(r"<table.*?</table>", re.S)
TABLE_ROW = re.compile(r"<tr>.*?</tr>", re.S)
TABLE_CELL = re.compile(r"<(t[hd])([^>]*)>(.*?)</\1>", re.S)
NUMERIC = re.compile(r"[-+−±≈<>]?\s*[\d.,]+(e[-+]?\d+)?\s*%?(\s*[\[(±].*[\d)\]%]|\s*s)?", re.I)
EXACT = re.compile(r"-?\d+(\.\d+)?(e[-+]?\d+)?")
NUMBER = ' class="n"'
EMPTY = {"", "NaN", "nan", "None", "NaT", "—", "–", "-"}


def _attribute(tag: str, name: str, value: str) -> str | None:
    """Keep images only as data URIs, drop data: links, and link to the page of a notebook instead of the notebook."""
    if name == "src":
        return value if IMAGE.match(value) else None
    if name == "data-value":
        return value if EXACT.fullmatch(value) else None
    if name == "href":
        if value.strip().lower().startswith("data:"):
            return None
        return re.sub(r"^([^:/]*)\.ipynb(#.*)?$", r"\1.html\2", value)
    return value


def sanitize(html: str) -> str:
    """The safe part of `html`: text, tables and embedded images; the numbers of its tables are aligned."""
    safe = nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=_attribute,
        filter_style_properties=STYLES,
        allowed_classes={"table": {"dataframe"}},
        url_schemes={"http", "https", "mailto", "data"},
    )
    return TABLE.sub(lambda table: f'<div class="wide">{align_numbers(table[0])}</div>', safe)


def _index_names(table: str) -> str:
    """Merge the second header row of a pandas table, which holds the index names, into the gaps of the first."""
    head = re.match(r"(?s)(<table[^>]*>\s*<thead>\s*)(<tr>.*?</tr>)\s*(<tr>.*?</tr>)(\s*</thead>.*)", table)
    if not head:
        return table
    upper, lower = TABLE_CELL.findall(head[2]), TABLE_CELL.findall(head[3])
    pairs = list(zip(upper, lower, strict=False))
    if len(upper) != len(lower) or any(first[2].strip() and second[2].strip() for first, second in pairs):
        return table
    names = "".join(f"<th>{first[2].strip() or second[2].strip()}</th>" for first, second in pairs)
    return f"{head[1]}<tr>{names}</tr>{head[4]}"


def align_numbers(table: str) -> str:
    """The sanitized table with class="n" on every cell of a numeric column.

    >>> align_numbers("<table><tr><th>a</th></tr><tr><td>1.5</td></tr></table>")
    '<table><tr><th class="n">a</th></tr><tr><td class="n">1.5</td></tr></table>'
    """
    table = _index_names(table)
    rows = [TABLE_CELL.findall(row) for row in TABLE_ROW.findall(table)]
    width = max(map(len, rows), default=0)
    full_rows = [row for row in rows if len(row) == width and any(tag == "td" for tag, _, _ in row)]
    texts = [
        [re.sub(r"<[^>]*>|&nbsp;", "", text).replace("&lt;", "<").strip() for _, _, text in row] for row in full_rows
    ]
    columns = [[text for text in column if text not in EMPTY] for column in zip(*texts, strict=True)]
    numbers = [bool(column) and all(map(NUMERIC.fullmatch, column)) for column in columns]

    def mark_numbers(row: re.Match) -> str:
        if len(TABLE_CELL.findall(row[0])) != width or "span=" in row[0] or not numbers:
            return row[0]
        column = iter(numbers)
        return TABLE_CELL.sub(
            lambda cell: f"<{cell[1]}{cell[2]}{NUMBER if next(column) else ''}>{cell[3]}</{cell[1]}>",
            row[0],
        )

    return TABLE_ROW.sub(mark_numbers, table)
