"""Batches of a user's file made uniform: blanks around text removed, header rows within the file dropped, both counted;
columns of a type that no role can have are refused."""
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.data.formats.containers.byte_streams import log
from workbench.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

WIDE_BLANKS = (b"\xc2\xa0", b"\xef\xbb\xbf")  # no-break spaces and the mark before a joined-on file
STRIPPED = " \t\u00a0\ufeff"
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
    raw = memoryview(array.buffers()[2] or b"").tobytes()
    if b" " not in raw and b"\t" not in raw and (raw.isascii() or not any(blank in raw for blank in WIDE_BLANKS)):
        return array
    stripped = pc.utf8_trim(array, STRIPPED)
    counts["blanks"] += pc.sum(pc.not_equal(stripped, array)).as_py() or 0
    return stripped


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
