"""Delimited text read whole, column by column, with every failed value traced back to its line."""
import polars as pl

from workbench.data.formats.file_lookup import Content
from workbench.errors import UserError

# id: text that must be there; text: may be empty; seconds: a time since 1970, whole and not negative.
LINE = "\0line"
KINDS = ("id", "text", "int", "float", "float?", "seconds")
WORDS = {"id": "an id", "int": "a whole number", "float": "a number", "float?": "a number", "seconds": "a Unix time"}


def bad(content: Content, line: int | None, what: str, remedy: str = "mend the line or get a fresh copy") -> UserError:
    """The error for bad data: file, line (1-based), what is wrong and what to do."""
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

    columns: name -> kind; with a header they are picked by name, without one they are all columns in order.
    UserError on an empty file, a missing column, or a field that is missing, superfluous or not of its kind.
    """
    content = utf8(content, encoding)
    if not content.data.strip():
        raise bad(content, None, "the file is empty", "get a fresh copy")
    try:
        table = pl.read_csv(
            content.data, separator=separator, has_header=header, quote_char=quote, infer_schema=False
        )
    except pl.exceptions.PolarsError as error:
        raise _ragged(content, separator, quote) or bad(content, None, f"not a delimited table ({error})") from error
    if header:
        table = table.rename(lambda name: name.strip())
    elif len(table.columns) <= len(columns):
        table = table.rename(dict(zip(table.columns, columns, strict=False)))
    missing = [name for name in columns if name not in table.columns]
    if missing:
        what = f"no column {', '.join(missing)} (found: {', '.join(table.columns[:12])})"
        if not header:
            what = f"{len(table.columns)} fields, {len(columns)} expected"
        raise _ragged(content, separator, quote) or bad(content, 1, what, "check that this is the right file")
    table = table.with_row_index(LINE, offset=1 + header)
    table = table.filter(~pl.all_horizontal(pl.exclude(LINE).is_null()))  # blank lines
    if not len(table):
        raise bad(content, None, "the file holds no rows", "get a fresh copy")
    return pl.DataFrame([_typed(content, table[name], kind, table[LINE]) for name, kind in columns.items()])


def utf8(content: Content, encoding: str = "utf-8") -> Content:
    """The content as UTF-8 without a byte-order mark. UserError names the line that is not in `encoding`."""
    try:
        text = content.data.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.data[: error.start].count(b"\n") + 1
        raise bad(content, line, f"not {encoding} text") from error
    data = content.data if encoding == "utf-8" else text.encode()
    return Content(data.removeprefix(b"\xef\xbb\xbf"), content.name)


def _typed(content: Content, column: pl.Series, kind: str, lines: pl.Series) -> pl.Series:
    if kind == "text":
        return column.fill_null("").str.strip_chars()
    text = column.str.strip_chars()
    if kind == "id":
        out, wrong = text, text.is_null() | (text == "")
    elif kind == "int":
        out = text.cast(pl.Int64, strict=False)
        wrong = out.is_null()
    else:
        out = text.cast(pl.Float64, strict=False)
        wrong = out.is_null() | ~out.is_finite()
        if kind == "float?":
            wrong &= text.is_not_null() & (text != "")
    wrong = wrong.fill_null(True)
    if kind == "seconds":
        out = out.cast(pl.Int64, strict=False)
        wrong |= (out < 0).fill_null(True)
    if wrong.any():
        row = int(wrong.arg_max())
        raise bad(content, lines[row], _complaint(column.name, column[row], kind))
    return out


def _complaint(name: str, value: str | None, kind: str) -> str:
    if value is None or not value.strip():
        return f"{name} is missing"
    if kind == "seconds" and value.strip().startswith("-"):
        return f"{name} {value!r} is a negative time"
    return f"{name} {value!r} is not {WORDS[kind]}"


def _ragged(content: Content, separator: str, quote: str | None) -> UserError | None:
    """The error for the first line with more fields than the first line."""
    expected = None
    for number, line in enumerate(content.data.decode(errors="replace").split("\n"), 1):
        fields = len(_outside_quotes(line, quote).split(separator))
        expected = expected or fields
        if fields > expected:
            return bad(content, number, f"{fields} fields, {expected} expected")
    return None


def _outside_quotes(line: str, quote: str | None) -> str:
    return "".join(line.split(quote)[::2]) if quote else line
