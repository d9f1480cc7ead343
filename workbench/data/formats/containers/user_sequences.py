"""Files of one row, line or list a user, with the items in order: text lines `user item item ...` (S3-Rec), a JSON
object {user: [items]} (LETTER), or a table with a list column of items (and times)."""
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from workbench.data.formats.containers import columnar, json_records
from workbench.data.formats.containers.byte_streams import (
    DAMAGED,
    NOT_UTF8,
    damaged_error,
    find_encoding,
    utf8_blocks,
    whole_lines,
)
from workbench.data.formats.containers.file_format import FileFormat
from workbench.data.formats.containers.file_kinds import kind
from workbench.data.schema import ITEM, USER
from workbench.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

BETWEEN = re.compile(r"[\s,;]+")


def column_names(path: Path, wanted: tuple[str, ...], form: FileFormat) -> list[str]:
    """The names of the columns; user and item for text and for a JSON object."""
    table = _table(path, form)
    return table.column_names(path, wanted, form) if table else [USER, ITEM]


def _table(path: Path, form: FileFormat) -> ModuleType | None:
    """The reader of a file that is a table; None for text lines and for a JSON object of lists."""
    name = kind(path, form.encoding)
    if name == "text":
        return None
    if name != "json":
        return columnar
    start = b"".join(islice(utf8_blocks(path, find_encoding(path, form.encoding)), 1)).lstrip()
    try:
        lines = json_records.json.loads(start.partition(b"\n")[0])
    except ValueError:
        lines = None
    if start.startswith(b"[") or lines and not json_records.is_user_lists(lines):
        return json_records
    return None


def batches(path: Path, wanted: tuple[str, ...], form: FileFormat, counts: Counter) -> Iterator["pa.RecordBatch"]:
    """A row for every item of every list. UserError (code 3) for an empty list or a user's second list."""
    import pyarrow as pa

    table = _table(path, form)
    if table:
        seen: set = set()
        for batch in table.batches(path, wanted, form, counts):
            yield _flat(path, batch, seen)
        return
    lists = _json_lists(path, form) if kind(path, form.encoding) == "json" else _text_lists(path, form)
    users, items, seen = [], [], set()
    for where, user, sequence in lists:
        _check_list(path, where, user, len(sequence), seen)
        users += [user] * len(sequence)
        items += sequence
    if users:
        columns = {USER: pa.array(users, pa.string()), ITEM: pa.array(items, pa.string())}
        yield pa.RecordBatch.from_arrays([columns[name] for name in wanted], list(wanted))


def _check_list(path: Path, where: str, user: object, n_items: int, seen: set) -> None:
    if not n_items:
        raise UserError(f"{path}, {where}: user {user!r} has no items; remove the empty list", code=3)
    if user in seen:
        raise UserError(f"{path}, {where}: user {user!r} has a second list; is each line user item item ...?", code=3)
    seen.add(user)


def _text_lists(path: Path, form: FileFormat) -> Iterator[tuple[str, str, list[str]]]:
    """Place, user and items of every line."""
    number = 0
    try:
        for block in whole_lines(utf8_blocks(path, find_encoding(path, form.encoding))):
            for line in block.removesuffix(b"\n").split(b"\n"):
                number += 1
                if line.strip():
                    user, *items = BETWEEN.split(line.decode().strip(" \t\r\n,;"))
                    yield f"line {number}", user.removesuffix(":"), items
    except UnicodeDecodeError:
        raise UserError(f"{path}, line {number}: {NOT_UTF8}", code=3) from None
    except DAMAGED as error:
        raise damaged_error(path, number + 1, error) from error


def _json_lists(path: Path, form: FileFormat) -> Iterator[tuple[str, str, list[str]]]:
    """Place, user and items of every entry of an object."""
    value = json_records.document(path, form)
    if not json_records.is_user_lists(value):
        raise UserError(f"{path}: layout=sequences needs one object {{user: [items]}}, or records with a list of items",
                        code=3)  # fmt: skip
    for number, (user, items) in enumerate(value.items(), 1):
        if not all(isinstance(item, (str, int)) and not isinstance(item, bool) for item in items):
            raise UserError(f"{path}, user {user!r}: items must be integers or text", code=3)
        yield f"entry {number}", user.strip(), [str(item).strip() for item in items]


def _flat(path: Path, batch: "pa.RecordBatch", seen: set) -> "pa.RecordBatch":
    """A row for each value of the list columns, which must be equally long; the other columns are repeated."""
    import pyarrow as pa
    import pyarrow.compute as pc

    names = batch.schema.names
    lists = [name for name in names if pa.types.is_list(batch[name].type) or pa.types.is_large_list(batch[name].type)]
    if not lists:
        types = ", ".join(f"{name} is {batch[name].type}" for name in names)
        raise UserError(f"{path}: layout=sequences needs a column with lists of items ({types}); leave it out", code=3)
    lengths = pc.fill_null(pc.list_value_length(batch[lists[0]]), 0)
    for name in lists[1:]:
        if not lengths.equals(pc.fill_null(pc.list_value_length(batch[name]), 0)):
            raise UserError(f"{path}: the lists of {lists[0]!r} and {name!r} differ in length", code=3)
    single = next((name for name in names if name not in lists), None)
    if single is not None:
        for user, n_items in zip(batch[single].to_pylist(), lengths.to_pylist(), strict=True):
            _check_list(path, f"column {single!r}", user, n_items, seen)
    rows = pc.list_parent_indices(batch[lists[0]])
    columns = [pc.list_flatten(batch[name]) if name in lists else batch[name].take(rows) for name in names]
    return pa.RecordBatch.from_arrays(columns, names)


def position(path: Path, name: str, row: int, wanted: tuple[str, ...], form: FileFormat) -> tuple[str, str]:
    """The number of an event among all, from 1, as text, and its value."""
    values = chain.from_iterable(batch[name] for batch in batches(path, wanted, form, Counter()))
    return f"event {row + 1}", f"{next(islice(values, row, None)).as_py()!r}"[:80]
