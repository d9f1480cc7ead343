"""JSON lines (a record a line) or a JSON array of records, read as a table with the records' keys as columns."""
import io
import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.data.formats.containers.byte_streams import (
    DAMAGED,
    NOT_UTF8,
    damaged_error,
    find_encoding,
    utf8_blocks,
    whole_lines,
)
from workbench.data.formats.containers.file_format import FileFormat
from workbench.data.formats.containers.tidying import strip_blanks
from workbench.errors import UserError

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

SAMPLE = 1000  # records, in which every column must occur
USER_LISTS = "one JSON object of users and their items; layout=sequences reads it"
ONE_OBJECT = "one JSON object, not a record a line; write a record a line (in pandas: orient='records', lines=True)"


def document(path: Path, form: FileFormat) -> Any:
    """The whole file as one JSON value. UserError (code 3) names the line that is not JSON."""
    try:
        return json.loads(b"".join(utf8_blocks(path, find_encoding(path, form.encoding))))
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        raise UserError(f"{path}, line {line}: not JSON ({error})", code=3) from error
    except DAMAGED as error:
        raise damaged_error(path, 1, error) from error


def is_user_lists(value: Any) -> bool:
    """Whether a JSON value maps users to lists of items."""
    return isinstance(value, dict) and bool(value) and all(isinstance(items, list) for items in value.values())


def _blocks(path: Path, form: FileFormat) -> Iterator[bytes]:
    """The records, one a line."""
    blocks = whole_lines(utf8_blocks(path, find_encoding(path, form.encoding)))
    first = next(blocks, b"")
    line = first.lstrip().partition(b"\n")[0]
    if line.startswith(b"["):
        records = document(path, form)
        yield "\n".join(map(json.dumps, records)).encode()
        return
    try:
        complete = json.loads(line)
    except ValueError:  # an object that goes on over lines, or a fault that the reader finds
        complete = None
        if line.strip() == b"{":
            raise UserError(f"{path}: {USER_LISTS if is_user_lists(document(path, form)) else ONE_OBJECT}",
                            code=3) from None  # fmt: skip
    if is_user_lists(complete) and first.count(b"\n") <= 1:
        raise UserError(f"{path}: {USER_LISTS}", code=3)
    yield first
    yield from blocks


def _records(path: Path, form: FileFormat) -> Iterator[tuple[int, dict]]:
    """The slow reader: number and value of every record. UserError (code 3) for one that is none."""
    number = 0
    for block in _blocks(path, form):
        for line in block.removesuffix(b"\n").split(b"\n"):
            number += 1
            if line.strip():
                try:
                    record = json.loads(line)
                except UnicodeDecodeError:
                    raise UserError(f"{path}, line {number}: {NOT_UTF8}", code=3) from None
                except (ValueError, RecursionError) as error:
                    raise UserError(f"{path}, line {number}: not JSON ({error})", code=3) from error
                if not isinstance(record, dict):
                    raise UserError(f"{path}, line {number}: {line[:40].decode()} is not a record of names and values",
                                    code=3)  # fmt: skip
                yield number, record


def column_names(path: Path, wanted: tuple[str, ...], form: FileFormat) -> list[str]:
    """The keys of the first thousand records."""
    try:
        return list(dict.fromkeys(key for _, record in islice(_records(path, form), SAMPLE) for key in record))
    except DAMAGED as error:
        raise damaged_error(path, 1, error) from error


def batches(path: Path, wanted: tuple[str, ...], form: FileFormat, counts: Counter) -> Iterator["pa.RecordBatch"]:
    """The wanted values as text, those missing from a record as null; lists stay lists of text.

    UserError (code 3) names the line of a record that is not JSON, or of a value that is itself a record.
    """
    import polars as pl

    schema, text, number = {}, pl.String(), 0
    for name in wanted:
        sample = [record[name] for _, record in islice(_records(path, form), SAMPLE) if name in record]
        if any(isinstance(value, dict) for value in sample):
            raise UserError(f"{path}, column {name!r} holds records; give text or numbers, such as a key of their own",
                            code=3)  # fmt: skip
        schema[name] = pl.List(text) if any(isinstance(value, list) for value in sample) else text
    try:
        for block in _blocks(path, form):
            if block.strip():
                table = pl.read_ndjson(io.BytesIO(block), schema=schema)
                _refuse_nested(path, table, block, number)
                for batch in table.to_arrow().combine_chunks().to_batches():
                    columns = [strip_blanks(_as_string(batch[name]), counts) for name in wanted]
                    yield type(batch).from_arrays(columns, list(wanted))
            number += block.count(b"\n")
    except pl.exceptions.PolarsError as error:
        for _ in _records(path, form):
            pass
        raise UserError(f"{path}: not JSON lines ({error})", code=3) from error
    except DAMAGED as error:
        raise damaged_error(path, 1, error) from error


def _refuse_nested(path: Path, table: "pl.DataFrame", block: bytes, before: int) -> None:
    """UserError (code 3) for a record or a list that was read as text, as the records of the sample held none there.
    before: lines before the block."""
    import polars as pl

    opens = table.select(pl.col(pl.String).str.contains(r"^[\[{]"))
    rows = [(name, row) for name in opens.columns for row in opens[name].arg_true().to_list()]
    if not rows:
        return
    lines = [(number, line) for number, line in enumerate(block.split(b"\n"), before + 1) if line.strip()]
    for name, row in rows:
        number, line = lines[row]
        if isinstance(value := json.loads(line)[name], dict | list):
            kind = "a record" if isinstance(value, dict) else "a list"
            raise UserError(f"{path}, line {number}, column {name!r} holds {kind}, {str(value)[:40]}; the lines before "
                            "hold text or numbers there. Give every line the same", code=3)  # fmt: skip


def _as_string(array: "pa.Array") -> "pa.Array":
    import pyarrow as pa

    return array if pa.types.is_nested(array.type) else array.cast(pa.string())


def position(path: Path, name: str, row: int, wanted: tuple[str, ...], form: FileFormat) -> tuple[str, str]:
    """The line of record `row` (from 0; in an array its number), as text, and its value."""
    number, record = next(islice(_records(path, form), row, None))
    return f"line {number}", f"{record.get(name)!r}"[:80]
