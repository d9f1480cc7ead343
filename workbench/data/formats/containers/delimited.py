"""Delimited text: separator and column names, a fast reader of batches, and a slow one that finds the line of a fault.

The fast reader is as strict as the slow one: quotes are surveyed before it starts.
"""
import csv
import io
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from workbench.data.formats.containers import byte_streams, quoting
from workbench.data.formats.containers.byte_streams import (
    DAMAGED,
    NOT_UTF8,
    BlockFile,
    damaged_error,
    find_encoding,
    utf8_blocks,
    whole_lines,
)
from workbench.data.formats.containers.file_format import FileFormat
from workbench.data.formats.containers.tidying import STRIPPED, drop_header_rows, strip_blanks
from workbench.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

SEPARATORS = ",\t;|"
SPACE = " "  # only where no other separator occurs, since column names may contain spaces
DOUBLE_COLON = "::"  # as in MovieLens; read as the character below, since readers want a single one
UNIT = "\x1f"
START = 1 << 16  # bytes read to see the first line
SCAN = 1 << 18  # bytes looked at a time: they stay in the processor's cache


class Header(NamedTuple):
    """Column names, separator, encoding of the file, and whether its first line holds the names."""

    columns: list[str]
    separator: str
    encoding: str
    first_line: str


def column_names(path: Path, wanted: tuple[str, ...], form: FileFormat) -> list[str]:
    """The column names of a text table. UserError (code 3) where there are none."""
    return _header(path, wanted, form).columns


def _header(path: Path, wanted: tuple[str, ...], form: FileFormat) -> Header:
    """The separator is the one giving most of the `wanted` columns, then most columns."""
    encoding = find_encoding(path, form.encoding)
    try:
        line = next(whole_lines(utf8_blocks(path, encoding, START)), b"").partition(b"\n")[0].decode().strip("\r\n")
    except UnicodeDecodeError:
        raise UserError(f"{path}, line 1: {NOT_UTF8}", code=3) from None
    except DAMAGED as error:
        raise damaged_error(path, 1, error) from error
    if not line.strip():
        raise UserError(f"{path}, line 1: empty; the first line must name the columns", code=3)
    if "\0" in line:
        raise UserError(f"{path}, line 1: {NOT_UTF8} (bytes of zero: utf-16-le or utf-16-be?)", code=3)
    if "\r" in line:
        raise UserError(f"{path}, line 1: lines end in a carriage return alone; use line feeds", code=3)
    return Header(*_split(path, line, wanted, form), encoding, line)


def _split(path: Path, line: str, wanted: tuple[str, ...], form: FileFormat) -> tuple[list[str], str]:
    if DOUBLE_COLON in line:
        names, separator = line.split(DOUBLE_COLON), UNIT
    else:
        quotes = csv.QUOTE_NONE if form.quoting == "none" else csv.QUOTE_MINIMAL
        marks = SEPARATORS if any(mark in line for mark in SEPARATORS) else SEPARATORS + SPACE
        try:
            split = {mark: next(csv.reader([line], delimiter=mark, quoting=quotes)) for mark in marks}
        except csv.Error as error:
            raise UserError(f"{path}, line 1: no column names ({error})", code=3) from None
        split = {mark: [name.strip(STRIPPED + '"') for name in names] for mark, names in split.items()}
        n = len(form.columns)
        separator = max(split, key=lambda m: (n and len(split[m]) == n, len({*wanted} & {*split[m]}), len(split[m])))
        names = split[separator]
    if not form.columns:
        return [name.strip(STRIPPED) for name in names], separator
    if len(names) != len(form.columns):
        what = f"{len(names)} fields where columns= names {len(form.columns)}"
        raise UserError(f"{path}, line 1: {what}; name every column of the file", code=3)
    return list(form.columns), separator


def _lines_of_file(path: Path, header: Header) -> Iterator[bytes]:
    """Whole lines, with one character as separator."""
    blocks = whole_lines(utf8_blocks(path, header.encoding, SCAN))
    return (block.replace(b"::", UNIT.encode()) for block in blocks) if header.separator == UNIT else blocks


def _data_blocks(path: Path, header: Header, form: FileFormat, size: int | None = None) -> Iterator[bytes]:
    """The file without the line that names the columns."""
    blocks = _lines_of_file(path, header) if header.separator == UNIT else utf8_blocks(path, header.encoding, size)
    first = b""
    while not form.columns and b"\n" not in first and (block := next(blocks, b"")):
        first += block
    return chain([first.partition(b"\n")[2]], blocks)


def _scan(blocks: Iterator[bytes], header: Header) -> tuple[bool, bool]:
    """Whether there are quotes, and whether there may be blanks around values or rows that repeat the header."""
    name, has_quotes, untidy = header.columns[0].encode(), False, False
    blanks = (b" ", b"\t") if header.separator != "\t" else (b" ",)
    for block in blocks:
        has_quotes |= b'"' in block
        untidy |= not block.isascii() or any(blank in block for blank in blanks) or name in block
    return has_quotes, untidy


def _find_quoting(path: Path, header: Header, form: FileFormat, counts: Counter) -> bool:
    """Whether the quotes of a file that has some enclose fields.

    UserError names the line of a field that seems to have swallowed rows.
    """
    if form.quoting == "none":
        return False
    separator = header.separator
    found = quoting.survey(_lines_of_file(path, header), separator)
    if found == "unclear":
        unquoted = form.quoting == "auto" and separator in ("\t", UNIT) and '"' not in header.first_line
        if unquoted and quoting.lines_are_rows(_lines_of_file(path, header), separator, len(header.columns)):
            counts["quotes"] += sum(block.count(b'"') for block in _lines_of_file(path, header))
            return False
        quoting.check_rows(path, _rows(path, header, True), separator, form.quoting == "auto")
    return True


def batches(path: Path, wanted: tuple[str, ...], form: FileFormat, counts: Counter) -> Iterator["pa.RecordBatch"]:
    """The wanted columns as text. UserError (code 3) names the line of a row that cannot be read."""
    import pyarrow as pa
    import pyarrow.csv

    header = _header(path, wanted, form)
    quoted = False
    try:
        has_quotes, untidy = _scan(_data_blocks(path, header, form, SCAN), header)
        quoted = has_quotes and _find_quoting(path, header, form, counts)
        numbers = [f"{header.columns.index(name)}" for name in wanted]
        reader = pa.csv.open_csv(
            BlockFile(_data_blocks(path, header, form)),
            pa.csv.ReadOptions(
                block_size=byte_streams.BATCH, column_names=[f"{i}" for i, _ in enumerate(header.columns)]
            ),
            pa.csv.ParseOptions(
                delimiter=header.separator, quote_char='"' if quoted else False, newlines_in_values=quoted
            ),
            pa.csv.ConvertOptions(
                include_columns=numbers, column_types=dict.fromkeys(numbers, pa.string()), strings_can_be_null=False
            ),
        )
        for batch in reader:
            columns = [strip_blanks(column, counts) if untidy else column for column in batch.columns]
            batch = pa.RecordBatch.from_arrays(columns, list(wanted))
            yield drop_header_rows(batch, counts) if untidy else batch
    except (pa.ArrowInvalid, *DAMAGED) as error:
        if "Empty CSV" not in str(error):
            raise _parse_error(path, header, quoted, error) from error


def _rows(path: Path, header: Header, quoted: bool) -> Iterator[tuple[int, list[str]]]:
    """The slow reader: the 1-based line on which each row starts, and its fields; the first row may hold the names.

    UserError for an unclosed quote, text after a closing one, or a damaged file.
    """
    file = io.BufferedReader(BlockFile(_lines_of_file(path, header)))
    text = io.TextIOWrapper(file, "utf-8", errors="surrogateescape", newline="")
    quotes = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    reader = csv.reader(text, delimiter=header.separator, strict=True, quoting=quotes)
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error:
            remedy = "a quote is not closed, or text follows it; close it, and double quotes inside a field"
            raise UserError(f"{path}, line {line}: {remedy}. {quoting.AS_CHARACTERS}", code=3) from None
        except DAMAGED as error:
            raise damaged_error(path, line, error) from error
        if fields is None:
            return
        if fields:
            yield line, fields


def _parse_error(path: Path, header: Header, quoted: bool, error: object) -> UserError:
    """The error for the line on which the fast reader failed."""
    n = len(header.columns)
    for line, fields in _rows(path, header, quoted):
        if len(fields) != n:
            separator = DOUBLE_COLON if header.separator == UNIT else header.separator
            remedy = f"fix or remove the row, or quote fields that contain {separator!r}"
            what = f"{len(fields)} fields where line 1 names {n} columns"
            return UserError(f"{path}, line {line}: {what}; {remedy}", code=3)
        try:
            "".join(fields).encode()
        except UnicodeEncodeError:  # invalid UTF-8 bytes were decoded as lone surrogates
            return UserError(f"{path}, line {line}: {NOT_UTF8}", code=3)
    return UserError(f"{path}: {error}", code=3)


def position(path: Path, name: str, row: int, wanted: tuple[str, ...], form: FileFormat) -> tuple[str, str]:
    """The line of row `row` (from 0; header rows do not count), as text, and its value in a column."""
    header = _header(path, wanted, form)
    quoted = _scan(_data_blocks(path, header, form, SCAN), header)[0] and _find_quoting(path, header, form, Counter())
    rows = _rows(path, header, quoted)
    places = {name: header.columns.index(name) for name in wanted}
    if not form.columns:
        next(rows)
    data = (r for r in rows if any(r[1][at].strip(STRIPPED) != column for column, at in places.items()))
    line, fields = next(islice(data, row, None))
    return f"line {line}", f"{fields[places[name]]!r}"[:80]
