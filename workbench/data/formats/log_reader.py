"""Reader of logs and item tables into validated arrays: delimited text, JSON records, parquet, Arrow or ORC files, the
part files of a folder, compressed or not (formats.containers).

A fast reader parses batches; only if it fails, a slow reader locates the problem, so that an error names file, line,
column, value and remedy.
"""
from collections import Counter
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.data.formats.containers import columnar, delimited, json_records, user_sequences
from workbench.data.formats.containers.byte_streams import find_encoding, log
from workbench.data.formats.containers.file_format import FileFormat
from workbench.data.formats.containers.file_kinds import kind, parts
from workbench.data.formats.containers.tidying import check_type, say
from workbench.data.formats.value_parsing import KINDS, BadValue
from workbench.data.formats.values.timestamps import join_times, read_times
from workbench.errors import UserError, unknown_name

READERS = {"text": delimited, "json": json_records}  # else columnar
AS_NAMED = FileFormat()


class Table(NamedTuple):
    """columns: name -> (n,) array, ids as pandas Categorical. summary: name -> short description."""

    columns: dict[str, np.ndarray | pd.Categorical]
    summary: dict[str, str]


def read(path: Path, kinds: dict[str, str], form: FileFormat = AS_NAMED, *, time_format: str = "") -> Table:
    """Columns of a table, each parsed as its kind: id, label, name, time, number or text.

    kinds: column name -> kind. time_format: of the times, as for strptime; "" for those that need none. path: a file,
    or a folder of part files, which are read in the order of their names.
    Blanks around values are removed and rows that repeat the column names are left out; both are counted in the
    summary and said. UserError for a missing column, and (code 3) for a file without rows, a row of another length, an
    unclosed quote, a damaged archive, text that is not UTF-8, a column of another type, or an invalid value.
    """
    wanted, header = tuple(kinds), column_names(path, tuple(kinds), form)
    for name in kinds:
        if name not in header:
            raise unknown_name(f"column of {path}", name, header)
        if header.count(name) > 1:
            raise UserError(f"{path}: {header.count(name)} columns are called {name!r}; rename all but one", code=3)
    parsers = KINDS | {"time": (partial(read_times, time_format=time_format), join_times)}
    values, n_rows, columns, summary = {name: [] for name in kinds}, 0, {}, {}
    starts, counts = [], Counter()  # the first row of each part file; what was tidied
    first_row, name = 0, ""  # of the batch or column being parsed, for the error message
    try:
        for part in parts(path):
            starts.append((n_rows, part))
            if form.encoding and kind(part, form.encoding) in READERS and find_encoding(part, form.encoding) == "utf-8":
                log.warning("%s is UTF-8 and read as such; encoding=%s is for other files", part, form.encoding)
            if missing := [name for name in wanted if name not in column_names(part, wanted, form)]:
                raise UserError(f"{part}: no column {', '.join(missing)}, which other part files have", code=3)
            for batch in _reader(part, form).batches(part, wanted, form, counts):
                first_row = n_rows
                for name, kind_ in kinds.items() if len(batch) else ():
                    values[name].append(parsers[kind_][0](check_type(part, name, batch[name], kind_)))
                n_rows += len(batch)
        if not n_rows:
            raise UserError(f"{path}: the file has column names but no rows, so the log has no interactions", code=3)
        first_row = 0
        for name, kind_ in kinds.items():
            columns[name], summary[name] = parsers[kind_][1](values.pop(name))
    except BadValue as error:
        row = first_row + error.index
        start, part = next(entry for entry in reversed(starts) if entry[0] <= row)
        where, value = _reader(part, form).position(part, name, row - start, wanted, form)
        raise UserError(f"{part}, {where}, column {name!r}: {value} {error.why}", code=3) from None
    return Table(columns, {"rows": f"{n_rows}", **summary, **say(path, counts)})


def column_names(path: Path, wanted: tuple[str, ...] = (), form: FileFormat = AS_NAMED) -> list[str]:
    """The column names of a table. UserError (code 3) where the file does not exist or cannot be read."""
    first = parts(path)[0]
    return _reader(first, form).column_names(first, wanted, form)


def _reader(path: Path, form: FileFormat) -> ModuleType:
    if form.layout == "sequences":
        return user_sequences
    return READERS.get(kind(path, form.encoding), columnar)
