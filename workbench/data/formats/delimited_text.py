"""Parser of delimited text files: typed columns, and errors that name the line of an invalid value."""
import polars as pl

from workbench.data.formats.file_lookup import Content
from workbench.errors import UserError

# id: non-empty text; text: may be empty; float?: may be empty; seconds: non-negative Unix time in whole seconds.
LINE_COLUMN = "\0line"
KINDS = ("id", "text", "int", "float", "float?", "seconds")
KIND_NAMES = {
    "id": "an id", "int": "a whole number", "float": "a number", "float?": "a number", "seconds": "a Unix time",
}  # fmt: skip


def data_error(
    content: Content, line: int | None, what: str, remedy: str = "fix the line or get a fresh copy"
) -> UserError:
    """The error for invalid data: file, line (1-based), problem and remedy."""
    place = content.name if line is None else f"{content.name}, line {line:,}"
    return UserError(f"{place}: {what}; {remedy}", code=3)


def read_table(
    content: Content,
    columns: dict[str, str],
    *,
    separator: str = "\t",
    header: bool = True,
    quote: str | None = None,
    encoding: str = "utf-8",
) -> pl.DataFrame:
    """The named columns of a delimited file, each of a kind of KINDS.

    columns: name -> kind; with a header they are selected by name, without one they are all columns in order.
    UserError for an empty file, a missing column, or a field that is missing, surplus or not of its kind.
    """
    content = to_utf8(content, encoding)
    if not content.data.strip():
        raise data_error(content, None, "the file is empty", "get a fresh copy")
    try:
        table = pl.read_csv(
            content.data, separator=separator, has_header=header, quote_char=quote, infer_schema=False
        )
    except pl.exceptions.PolarsError as error:
        fallback = data_error(content, None, f"not a delimited table ({error})")
        raise _field_count_error(content, separator, quote) or fallback from error
    if header:
        table = table.rename(lambda name: name.strip())
    elif len(table.columns) <= len(columns):
        table = table.rename(dict(zip(table.columns, columns, strict=False)))
    missing = [name for name in columns if name not in table.columns]
    if missing:
        what = f"no column {', '.join(missing)} (found: {', '.join(table.columns[:12])})"
        if not header:
            what = f"{len(table.columns)} fields, {len(columns)} expected"
        fallback = data_error(content, 1, what, "check that this is the right file")
        raise _field_count_error(content, separator, quote) or fallback
    table = table.with_row_index(LINE_COLUMN, offset=1 + header)
    table = table.filter(~pl.all_horizontal(pl.exclude(LINE_COLUMN).is_null()))  # blank lines
    if not len(table):
        raise data_error(content, None, "the file has no rows", "get a fresh copy")
    return pl.DataFrame([_typed(content, table[name], kind, table[LINE_COLUMN]) for name, kind in columns.items()])


def to_utf8(content: Content, encoding: str = "utf-8") -> Content:
    """The content as UTF-8 without a byte-order mark. UserError names the line that is not in `encoding`."""
    try:
        text = content.data.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.data[: error.start].count(b"\n") + 1
        raise data_error(content, line, f"not {encoding} text") from error
    data = content.data if encoding == "utf-8" else text.encode()
    return Content(data.removeprefix(b"\xef\xbb\xbf"), content.name)


def _typed(content: Content, column: pl.Series, kind: str, lines: pl.Series) -> pl.Series:
    if kind == "text":
        return column.fill_null("").str.strip_chars()
    text = column.str.strip_chars()
    if kind == "id":
        values, invalid = text, text.is_null() | (text == "")
    elif kind == "int":
        values = text.cast(pl.Int64, strict=False)
        invalid = values.is_null()
    else:
        values = text.cast(pl.Float64, strict=False)
        invalid = values.is_null() | ~values.is_finite()
        if kind == "float?":
            invalid &= text.is_not_null() & (text != "")
    invalid = invalid.fill_null(True)
    if kind == "seconds":
        values = values.cast(pl.Int64, strict=False)
        invalid |= (values < 0).fill_null(True)
    if invalid.any():
        row = int(invalid.arg_max())
        raise data_error(content, lines[row], _problem(column.name, column[row], kind))
    return values


def _problem(name: str, value: str | None, kind: str) -> str:
    if value is None or not value.strip():
        return f"{name} is missing"
    if kind == "seconds" and value.strip().startswith("-"):
        return f"{name} {value!r} is a negative time"
    return f"{name} {value!r} is not {KIND_NAMES[kind]}"


def _field_count_error(content: Content, separator: str, quote: str | None) -> UserError | None:
    """The error for the first line with more fields than the first line."""
    expected = None
    for number, line in enumerate(content.data.decode(errors="replace").split("\n"), 1):
        fields = len(_without_quoted(line, quote).split(separator))
        expected = expected or fields
        if fields > expected:
            return data_error(content, number, f"{fields} fields, {expected} expected")
    return None


def _without_quoted(line: str, quote: str | None) -> str:
    return "".join(line.split(quote)[::2]) if quote else line
