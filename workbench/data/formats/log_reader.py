"""Reader of logs and item tables from CSV, TSV (optionally gzip) or parquet into validated arrays.

A fast reader parses batches of two megabytes; only if it fails, a slow reader locates the problem, so that an error
names file, line, column, value and remedy.
"""
import csv
import gzip
import io
import os
import zlib
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from workbench.data.formats.column_mapping import missing_file_error
from workbench.data.formats.value_parsing import KINDS, BadValue
from workbench.data.formats.values.timestamps import join_times, read_times
from workbench.errors import UserError, unknown_name

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 2 << 20  # bytes; must be longer than a row
SEPARATORS = ",\t;|"
SPACE = " "  # only where no other separator occurs, since column names may contain spaces
SENTINEL = "end-of-table"  # appended as a last row: if it is not parsed, an unclosed quote consumed the end of the file
DAMAGED = (OSError, EOFError, zlib.error)


class Table(NamedTuple):
    """columns: name -> (n,) array, ids as pandas Categorical. summary: name -> short description."""

    columns: dict[str, np.ndarray | pd.Categorical]
    summary: dict[str, str]


class FileWithSentinel(io.RawIOBase):
    """A binary file followed by sentinel bytes."""

    def __init__(self, file: IO[bytes], sentinel: bytes):
        self.file, self.sentinel = file, sentinel

    def readable(self) -> bool:
        """True; required by Arrow."""
        return True

    def readinto(self, buffer: memoryview) -> int:
        """Read the next bytes of the file, then of the sentinel."""
        data = self.file.read(len(buffer))
        if not data:
            data, self.sentinel = self.sentinel[: len(buffer)], self.sentinel[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


def read(path: Path, kinds: dict[str, str], *, time_format: str = "") -> Table:
    """Columns of a table, each parsed as its kind: id, label, name, time, number or text.

    kinds: column name -> kind. time_format: of the times, as for strptime; "" for those that need none. UserError for
    a missing column, and (code 3) for a file without rows, a row of another length, an unclosed quote, a damaged
    archive, text that is not UTF-8, or an invalid value.
    """
    header = column_names(path, tuple(kinds))
    for name in kinds:
        if name not in header:
            raise unknown_name(f"column of {path}", name, header)
        if header.count(name) > 1:
            raise UserError(f"{path}: {header.count(name)} columns are called {name!r}; rename all but one", code=3)
    parsers = KINDS | {"time": (partial(read_times, time_format=time_format), join_times)}
    batches, n_rows, columns, summary = {name: [] for name in kinds}, 0, {}, {}
    first_row, name = 0, ""  # of the batch or column being parsed, for the error message
    try:
        for batch in (_parquet_batches if is_parquet(path) else _text_batches)(path, tuple(kinds)):
            first_row = n_rows
            for name, kind in kinds.items():
                batches[name].append(parsers[kind][0](batch[name]))
            n_rows += len(batch)
        if not n_rows:
            raise UserError(f"{path}: the file has column names but no rows, so the log has no interactions", code=3)
        first_row = 0
        for name, kind in kinds.items():
            columns[name], summary[name] = parsers[kind][1](batches.pop(name))
    except BadValue as error:
        where, value = _position(path, name, first_row + error.index)
        raise UserError(f"{path}, {where}, column {name!r}: {value} {error.why}", code=3) from None
    return Table(columns, {"rows": f"{n_rows}", **summary})


def column_names(path: Path, wanted: tuple[str, ...] = ()) -> list[str]:
    """The column names of a table. UserError (code 3) where the file does not exist or cannot be read."""
    if not os.path.isfile(path):
        raise missing_file_error(path)
    return _parquet(path).schema_arrow.names if is_parquet(path) else _header(path, wanted)[0]


def is_parquet(path: Path) -> bool:
    """Whether a file starts with the parquet magic bytes."""
    with open(path, "rb") as file:
        return file.read(4) == b"PAR1"


def _open(path: Path) -> IO[bytes]:
    """An open binary file, decompressing gzip."""
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else open(path, "rb")


def _header(path: Path, wanted: tuple[str, ...]) -> tuple[list[str], str]:
    """Column names and separator of a text table: the one giving most of the `wanted` columns, then most columns."""
    try:
        with _open(path) as file:
            line = file.readline().decode("utf-8-sig").strip("\r\n")
    except UnicodeDecodeError:
        raise UserError(f"{path}, line 1: not UTF-8 text; save the file as UTF-8", code=3) from None
    except DAMAGED as error:
        raise _damaged_error(path, 1, error) from error
    if not line.strip():
        raise UserError(f"{path}, line 1: empty; the first line must name the columns", code=3)
    if "\0" in line:
        raise UserError(f"{path}, line 1: not UTF-8 text; save the file as UTF-8", code=3)
    if "\r" in line:
        raise UserError(f"{path}, line 1: lines end in a carriage return alone; use line feeds", code=3)
    try:
        split = {mark: next(csv.reader([line], delimiter=mark)) for mark in SEPARATORS}
    except csv.Error as error:
        raise UserError(f"{path}, line 1: no column names ({error})", code=3) from None
    best = max(split, key=lambda mark: (len({*wanted} & {*split[mark]}), len(split[mark])))
    if len(split[best]) == 1 and SPACE in line:
        return next(csv.reader([line], delimiter=SPACE)), SPACE
    return split[best], best


def _text_batches(path: Path, wanted: tuple[str, ...]) -> Iterator["pa.RecordBatch"]:
    """The wanted columns as text, in batches."""
    import pyarrow as pa
    import pyarrow.csv

    columns, separator = _header(path, wanted)
    last = None
    try:
        with _open(path) as file:
            reader = pa.csv.open_csv(
                FileWithSentinel(file, f"\n{separator.join([SENTINEL] * len(columns))}\n".encode()),
                pa.csv.ReadOptions(block_size=BATCH),
                pa.csv.ParseOptions(delimiter=separator, newlines_in_values=True),
                pa.csv.ConvertOptions(
                    include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()), strings_can_be_null=False
                ),
            )
            for batch in reader:
                if len(batch):
                    if last is not None:
                        yield last
                    last = batch
    except (pa.ArrowInvalid, *DAMAGED) as error:
        raise _parse_error(path, columns, separator, error) from error
    if last is None or any(column[-1].as_py() != SENTINEL for column in last):
        raise _parse_error(path, columns, separator, "a quote is never closed")
    if len(last) > 1:
        yield last[:-1]


def _parquet(path: Path):
    import pyarrow as pa
    import pyarrow.parquet

    try:
        return pa.parquet.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path}: not a complete parquet file ({error}); copy or download it again", code=3) from error


def _parquet_batches(path: Path, wanted: tuple[str, ...]) -> Iterator["pa.RecordBatch"]:
    """The wanted columns, in batches."""
    import pyarrow as pa

    try:
        for batch in _parquet(path).iter_batches(batch_size=1 << 18, columns=list(wanted)):
            if len(batch):
                yield batch
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path}: damaged parquet file ({error}); copy or download it again", code=3) from error


def _lines(path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The slow reader: the 1-based line on which each row starts, and its fields.

    UserError for an unclosed quote or a damaged archive.
    """
    with _open(path) as file:
        text = io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="")
        reader = csv.reader(text, delimiter=separator, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                fields = next(reader, None)
            except csv.Error:
                remedy = "a quote is not closed, or text follows it; close it, and double quotes inside a field"
                raise UserError(f"{path}, line {line}: {remedy}", code=3) from None
            except DAMAGED as error:
                raise _damaged_error(path, line, error) from error
            if fields is None:
                return
            if fields:
                yield line, fields


def _damaged_error(path: Path, line: int, error: Exception) -> UserError:
    what = f"the file is truncated or damaged ({error}); copy or download it again"
    return UserError(f"{path}, line {line}: {what}", code=3)


def _parse_error(path: Path, columns: list[str], separator: str, error: object) -> UserError:
    """The error for the line on which the fast reader failed."""
    for line, fields in _lines(path, separator):
        if len(fields) != len(columns):
            count = f"{len(fields)} fields where line 1 names {len(columns)} columns"
            remedy = f"fix or remove the row, or quote fields that contain {separator!r}"
            return UserError(f"{path}, line {line}: {count}; {remedy}", code=3)
        try:
            "".join(fields).encode()
        except UnicodeEncodeError:  # invalid UTF-8 bytes were decoded as lone surrogates
            return UserError(f"{path}, line {line}: not UTF-8 text; save the file as UTF-8", code=3)
    return UserError(f"{path}: {error}", code=3)


def _position(path: Path, name: str, row: int) -> tuple[str, str]:
    """The position of row `row` (from 0) in the file, as text, and its value in a column."""
    if is_parquet(path):
        value = _parquet(path).read(columns=[name])[name][row].as_py()
        return f"row {row + 1}", f"{value!r}"[:80]
    columns, separator = _header(path, (name,))
    line, fields = next(islice(_lines(path, separator), row + 1, None))  # after the header
    return f"line {line}", f"{fields[columns.index(name)]!r}"[:80]
