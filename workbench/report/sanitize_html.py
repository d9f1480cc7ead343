"""Make HTML that others wrote safe: allowed tags alone, no script, no style sheet, nothing fetched from anywhere."""
import re

import nh3

TAGS = set(
    "a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 "
    "hr i img ins kbd li mark ol p pre q s samp small span strong sub summary sup table tbody td tfoot th thead tr u ul"
    .split()
)
CELL = {"colspan", "rowspan", "scope", "style"}
ATTRIBUTES = {
    "a": {"href", "title"},
    "abbr": {"title"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "td": CELL,
    "th": CELL,
    "span": {"style"},
    "div": {"style"},
}
STYLES = {"text-align", "color", "background-color", "font-weight", "font-style", "white-space", "padding-left"}
IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml)[;,]", re.I)
ROW = re.compile(r"<tr>.*?</tr>", re.S)
TABLE_CELL = re.compile(r"<(t[hd])([^>]*)>(.*?)</\1>", re.S)
NUMERIC = re.compile(r"[-+−±≈<>]?\s*[\d.,]+(e[-+]?\d+)?\s*%?(\s*[\[(±].*[\d)\]%]|\s*s)?", re.I)
NUMBER = ' class="n"'
EMPTY = {"", "NaN", "nan", "None", "NaT", "—", "–", "-"}


def _attribute(tag: str, name: str, value: str) -> str | None:
    """Images only from within the page; links never to a script, and to a notebook's page instead of the notebook."""
    if name == "src":
        return value if IMAGE.match(value) else None
    if name == "href":
        if value.strip().lower().startswith("data:"):
            return None
        return re.sub(r"^([^:/]*)\.ipynb(#.*)?$", r"\1.html\2", value)
    return value


def clean(html: str) -> str:
    """The harmless part of `html`: its text, tables, images held within it; tables get their numbers aligned."""
    safe = nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=_attribute,
        filter_style_properties=STYLES,
        allowed_classes={"table": {"dataframe"}},
        url_schemes={"http", "https", "mailto", "data"},
    )
    return re.sub(r"<table.*?</table>", lambda table: f'<div class="wide">{align(table[0])}</div>', safe, flags=re.S)


def _index_names(table: str) -> str:
    """pandas gives the names of the index a row of their own under the header; put them into the header's gaps."""
    head = re.match(r"(?s)(<table[^>]*>\s*<thead>\s*)(<tr>.*?</tr>)\s*(<tr>.*?</tr>)(\s*</thead>.*)", table)
    if not head:
        return table
    upper, lower = TABLE_CELL.findall(head[2]), TABLE_CELL.findall(head[3])
    pairs = list(zip(upper, lower, strict=False))
    if len(upper) != len(lower) or any(above[2].strip() and below[2].strip() for above, below in pairs):
        return table
    names = "".join(f"<th>{above[2].strip() or below[2].strip()}</th>" for above, below in pairs)
    return f"{head[1]}<tr>{names}</tr>{head[4]}"


def align(table: str) -> str:
    """The same cleaned table with class="n" on every cell of a column that holds numbers alone.

    >>> align("<table><tr><th>a</th></tr><tr><td>1.5</td></tr></table>")
    '<table><tr><th class="n">a</th></tr><tr><td class="n">1.5</td></tr></table>'
    """
    table = _index_names(table)
    rows = [TABLE_CELL.findall(row) for row in ROW.findall(table)]
    width = max(map(len, rows), default=0)
    whole = [row for row in rows if len(row) == width and any(tag == "td" for tag, _, _ in row)]
    texts = [[re.sub(r"<[^>]*>|&nbsp;", "", text).replace("&lt;", "<").strip() for _, _, text in row] for row in whole]
    columns = [[text for text in column if text not in EMPTY] for column in zip(*texts, strict=True)]
    numbers = [bool(column) and all(map(NUMERIC.fullmatch, column)) for column in columns]

    def mark(row: re.Match) -> str:
        if len(TABLE_CELL.findall(row[0])) != width or "span=" in row[0] or not numbers:
            return row[0]
        column = iter(numbers)
        return TABLE_CELL.sub(
            lambda cell: f"<{cell[1]}{cell[2]}{NUMBER if next(column) else ''}>{cell[3]}</{cell[1]}>",
            row[0],
        )

    return ROW.sub(mark, table)
