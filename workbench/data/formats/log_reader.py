"""A log or an item table from CSV, TSV (gzip or not) or parquet: named columns in, checked arrays out.

A fast reader takes the file in batches of two megabytes and says only *that* something is wrong; a second, slow one
then says *where*. So the common road is short, and an error still names file, line, column, value and remedy.
"""
import csv
import gzip
import io
import os
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from workbench.data.formats.column_mapping import absent
from workbench.data.formats.value_parsing import KINDS, BadValue
from workbench.errors import UserError, unknown

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 2 << 20  # bytes; a row must fit
SEPARATORS = ",\t;|"
BLANK = " "  # only where none of the others is there: names of columns may hold one
SEAL = "end-of-table"  # our own last row: where it does not come out again, an open quote swallowed the file's end
DAMAGED = (OSError, EOFError, zlib.error)


class Table(NamedTuple):
    """columns: name -> (n,) array, ids as pandas Categorical. found: name -> a few words on what it holds."""

    columns: dict[str, np.ndarray | pd.Categorical]
    found: dict[str, str]


class Sealed(io.RawIOBase):
    """A binary file with some bytes after its end."""

    def __init__(self, file: IO[bytes], seal: bytes):
        self.file, self.seal = file, seal

    def readable(self) -> bool:
        """Yes: Arrow asks."""
        return True

    def readinto(self, buffer: memoryview) -> int:
        """The next bytes, of the file or of the seal."""
        data = self.file.read(len(buffer))
        if not data:
            data, self.seal = self.seal[: len(buffer)], self.seal[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


def read(path: Path, kinds: dict[str, str]) -> Table:
    """Columns of a table, each read as its kind: id, label, time, number or text.

    kinds: column name -> kind. UserError for a column that is not there, and (code 3) for a file without rows, a row
    of another length, an open quote, a damaged archive, text that is not UTF-8, or a value its kind refuses.
    """
    there = names(path, tuple(kinds))
    for name in kinds:
        if name not in there:
            raise unknown(f"column of {path}", name, there)
        if there.count(name) > 1:
            raise UserError(f"{path}: {there.count(name)} columns are called {name!r}; rename all but one", code=3)
    parts, rows, columns, found = {name: [] for name in kinds}, 0, {}, {}
    name = ""
    try:
        for batch in (_parquet_batches if is_parquet(path) else _text_batches)(path, tuple(kinds)):
            for name, kind in kinds.items():
                parts[name].append(KINDS[kind][0](batch[name]))
            rows += len(batch)
        if not rows:
            raise UserError(f"{path}: there are column names and no rows; the log holds no interactions", code=3)
        after, rows = rows, 0
        for name, kind in kinds.items():
            columns[name], found[name] = KINDS[kind][1](parts.pop(name))
    except BadValue as error:
        where, value = _place(path, name, rows + error.index)
        raise UserError(f"{path}, {where}, column {name!r}: {value} {error.why}", code=3) from None
    return Table(columns, {"rows": f"{after}", **found})


def names(path: Path, wanted: tuple[str, ...] = ()) -> list[str]:
    """The column names of a table. UserError (code 3) where there is no such file or it cannot be read."""
    if not os.path.isfile(path):
        raise absent(path)
    return _parquet(path).schema_arrow.names if is_parquet(path) else _header(path, wanted)[0]


def is_parquet(path: Path) -> bool:
    """Whether a file begins as parquet does."""
    with open(path, "rb") as file:
        return file.read(4) == b"PAR1"


def _opened(path: Path) -> IO[bytes]:
    """The bytes of a file, unpacked where it is gzip."""
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else open(path, "rb")


def _header(path: Path, wanted: tuple[str, ...]) -> tuple[list[str], str]:
    """Column names of a text table, and its separator: what yields most of the `wanted` columns, then most columns."""
    try:
        with _opened(path) as file:
            line = file.readline().decode("utf-8-sig").strip("\r\n")
    except UnicodeDecodeError:
        raise UserError(f"{path}, line 1: not UTF-8 text; save the file as UTF-8", code=3) from None
    except DAMAGED as error:
        raise _damaged(path, 1, error) from error
    if not line.strip():
        raise UserError(f"{path}, line 1: empty; the first line must name the columns", code=3)
    if "\0" in line:
        raise UserError(f"{path}, line 1: not UTF-8 text; save the file as UTF-8", code=3)
    if "\r" in line:
        raise UserError(f"{path}, line 1: lines end in a carriage return alone; save them with a line feed", code=3)
    try:
        split = {mark: next(csv.reader([line], delimiter=mark)) for mark in SEPARATORS}
    except csv.Error as error:
        raise UserError(f"{path}, line 1: no names of columns ({error})", code=3) from None
    best = max(split, key=lambda mark: (len({*wanted} & {*split[mark]}), len(split[mark])))
    if len(split[best]) == 1 and BLANK in line:
        return next(csv.reader([line], delimiter=BLANK)), BLANK
    return split[best], best


def _text_batches(path: Path, wanted: tuple[str, ...]) -> Iterator["pa.RecordBatch"]:
    """The wanted columns as text, a batch at a time."""
    import pyarrow as pa
    import pyarrow.csv

    there, separator = _header(path, wanted)
    last = None
    try:
        with _opened(path) as file:
            reader = pa.csv.open_csv(
                Sealed(file, f"\n{separator.join([SEAL] * len(there))}\n".encode()),
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
        raise _fault(path, there, separator, error) from error
    if last is None or any(column[-1].as_py() != SEAL for column in last):
        raise _fault(path, there, separator, "a quote is opened and never closed")
    if len(last) > 1:
        yield last[:-1]


def _parquet(path: Path):
    import pyarrow as pa
    import pyarrow.parquet

    try:
        return pa.parquet.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path}: not a whole parquet file ({error}); copy or download it again", code=3) from error


def _parquet_batches(path: Path, wanted: tuple[str, ...]) -> Iterator["pa.RecordBatch"]:
    """The wanted columns, a batch at a time."""
    import pyarrow as pa

    try:
        for batch in _parquet(path).iter_batches(batch_size=1 << 18, columns=list(wanted)):
            if len(batch):
                yield batch
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path}: damaged parquet file ({error}); copy or download it again", code=3) from error


def _lines(path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The slow reader: the line on which each row begins, counted from 1, and the row's fields; UserError on a quote
    or an archive that cannot be read on."""
    with _opened(path) as file:
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
                raise _damaged(path, line, error) from error
            if fields is None:
                return
            if fields:
                yield line, fields


def _damaged(path: Path, line: int, error: Exception) -> UserError:
    what = f"the file breaks off or is damaged ({error}); copy or download it again"
    return UserError(f"{path}, line {line}: {what}", code=3)


def _fault(path: Path, there: list[str], separator: str, error: object) -> UserError:
    """Which line made the fast reader give up, and what to do."""
    for line, fields in _lines(path, separator):
        if len(fields) != len(there):
            count = f"{len(fields)} fields where line 1 names {len(there)} columns"
            remedy = f"mend or remove the row, or quote a field that holds {separator!r}"
            return UserError(f"{path}, line {line}: {count}; {remedy}", code=3)
        try:
            "".join(fields).encode()
        except UnicodeEncodeError:  # bytes that are no UTF-8 were read as lone surrogates
            return UserError(f"{path}, line {line}: not UTF-8 text; save the file as UTF-8", code=3)
    return UserError(f"{path}: {error}", code=3)


def _place(path: Path, name: str, row: int) -> tuple[str, str]:
    """Where row `row` (from 0) stands in the file, in a person's words, and its value in a column."""
    if is_parquet(path):
        value = _parquet(path).read(columns=[name])[name][row].as_py()
        return f"row {row + 1}", f"{value!r}"[:80]
    there, separator = _header(path, (name,))
    line, fields = next(islice(_lines(path, separator), row + 1, None))  # after the header
    return f"line {line}", f"{fields[there.index(name)]!r}"[:80]
