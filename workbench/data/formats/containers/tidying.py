"""Batches of a user's file made uniform: blanks around text removed, header rows within the file dropped, both counted;
columns of a type that no role can have are refused."""
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workbench.data.formats.containers.byte_streams import log
from workbench.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

STRIPPED = " \t\u00a0\ufeff"  # also no-break spaces and the mark before a joined-on file
EDGES = np.isin(np.arange(256), [*STRIPPED.encode()])  # first and last bytes of these, and of some other characters
ALLOWED = {"id": "ids must be integers or text", "label": "give integers or text",
           "time": "times must be numbers, dates or text", "number": "give numbers or text"}  # fmt: skip


def strip_blanks(array: "pa.Array", counts: Counter) -> "pa.Array":
    """A text array, also of binary type, without blanks around its values.

    counts["blanks"] grows by the values that had some.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if _is_binary(array.type):
        try:
            array = array.cast(pa.binary()).cast(pa.string())
        except pa.ArrowInvalid:  # not UTF-8: check_type refuses it
            return array
    if not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)) or not len(array):
        return array
    if not _may_have_blanks(array):
        return array
    stripped = pc.utf8_trim(array, STRIPPED)
    counts["blanks"] += pc.sum(pc.not_equal(stripped, array)).as_py() or 0
    return stripped


def _may_have_blanks(array: "pa.Array") -> bool:
    """Whether the first or last byte of a text is one that blanks have; much faster than to strip them."""
    import pyarrow as pa

    _, offsets, text = array.buffers()
    if not text:
        return False
    places = np.frombuffer(offsets, np.int32 if pa.types.is_string(array.type) else np.int64)
    places = places[array.offset : array.offset + len(array) + 1]
    starts, ends, text = places[:-1], places[1:], np.frombuffer(text, np.uint8)
    filled = starts < ends
    if not filled.all():
        starts, ends = starts[filled], ends[filled]
    return bool(EDGES[text[starts]].any() or EDGES[text[ends - 1]].any())


def drop_header_rows(batch: "pa.RecordBatch", counts: Counter) -> "pa.RecordBatch":
    """The rows of a text batch that do not repeat its column names; counts["header rows"] grows by the others."""
    import pyarrow.compute as pc

    names = batch.schema.names
    if not len(batch) or names[0].encode() not in memoryview(batch.column(0).buffers()[2] or b"").tobytes():
        return batch
    same = None
    for name in names:
        equal = pc.fill_null(pc.equal(batch[name], name), False)
        same = equal if same is None else pc.and_(same, equal)
    n = pc.sum(same).as_py()
    counts["header rows"] += n
    return batch.filter(pc.invert(same)) if n else batch


def _is_binary(dtype: "pa.DataType") -> bool:
    import pyarrow as pa

    return pa.types.is_binary(dtype) or pa.types.is_large_binary(dtype) or pa.types.is_fixed_size_binary(dtype)


def check_type(path: Path, name: str, array: "pa.Array", kind: str) -> "pa.Array":
    """The array. UserError names column, type and what is allowed."""
    import pyarrow as pa

    types, dtype = pa.types, array.type
    if _is_binary(dtype):
        dtype = f"{dtype}, and not of UTF-8 text"
    elif not (types.is_nested(dtype) or types.is_duration(dtype) or types.is_time(dtype) or types.is_interval(dtype)
              or isinstance(dtype, pa.BaseExtensionType)):  # fmt: skip
        return array
    hint = ""
    if types.is_list(array.type) or types.is_large_list(array.type):
        hint = "; layout=sequences reads a row for each user, with the list of its items in order"
    elif types.is_struct(array.type):
        hint = f"; make a column of its own of {', '.join(field.name for field in array.type)}"
    raise UserError(f"{path}, column {name!r} is of type {dtype}; {ALLOWED.get(kind, 'give text')}{hint}", code=3)


def say(path: Path, counts: Counter) -> dict[str, str]:
    """The summary entries of what was tidied, which is also said in the log."""
    words = {"blanks": "values had blanks around them, which are removed",
             "header rows": "rows repeat the column names and are left out",
             "quotes": "quotes do not enclose fields and are read as characters (quoting=standard: as enclosing)"}
    for name, count in counts.items():
        if count:
            log.warning("%s: %d %s", path, count, words[name])
    return {name: f"{count}" for name, count in counts.items() if count}
