"""Parsing and validation of log columns, batch by batch: ids, timestamps, numbers and text.

Each kind is a pair of functions: `read_*` validates a batch (an Arrow array) and returns a compact array; `join_*`
concatenates the batches into one column and returns a short summary.
"""
import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.data.formats.calendar_dates import parse_calendar_digits, parse_yyyymmdd
from workbench.data.schema import factorize

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("workbench")
TIME_HELP = (
    "is not a timestamp; give seconds, milliseconds or microseconds since 1970, or dates like 2024-05-31 13:45:00, "
    "the year first"
)
WHOLE_FLOAT = r"(?:0|-?[1-9]\d{0,17})(?:\.0+)?"
ROUNDED = r"\d(?:\.\d+)?[eE]\+?\d+"  # a long number in a spreadsheet's scientific notation
MISSING_HELP = "is missing; fill it in or remove the row"
UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
EARLIEST = np.datetime64("1990-01-01")  # logs of an earlier time are rare enough to ask about
YEAR_5138 = 10**11  # seconds; larger values are in a finer unit (unambiguous after February 1973)


class BadValue(Exception):
    """An invalid value: its index in the batch (when joining: in the column), and the problem with its remedy."""

    def __init__(self, index: int, why: str):
        super().__init__(why)
        self.index, self.why = index, why


def raise_where(invalid: np.ndarray, why: str) -> None:
    """BadValue at the first index where `invalid` (n,) bool is true."""
    if invalid.any():
        raise BadValue(int(invalid.argmax()), why)


def without_nulls(array: "pa.Array") -> "pa.Array":
    """The array, with text types cast to string; BadValue for a null value."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if array.null_count:
        raise_where(pc.is_null(array).to_numpy(zero_copy_only=False), MISSING_HELP)
    checks = (pa.types.is_integer, pa.types.is_floating, pa.types.is_temporal)
    return array if any(is_kind(array.type) for is_kind in checks) else array.cast(pa.string())


def without_empty_text(array: "pa.Array") -> "pa.Array":
    """The array; BadValue for an empty string."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(array.type):
        raise_where(pc.equal(array, "").to_numpy(zero_copy_only=False), MISSING_HELP)
    return array


def try_cast(array: "pa.Array", dtype: Any) -> "pa.Array | None":
    """The array cast to another type, or None where a value does not convert."""
    import pyarrow as pa

    try:
        return array.cast(dtype)
    except pa.ArrowInvalid:
        return None


def cast_or_raise(array: "pa.Array", dtype: Any, why: str) -> "pa.Array":
    """The array cast to another type; BadValue at the first value that does not convert, found by bisection."""
    values = try_cast(array, dtype)
    if values is not None:
        return values
    good, bad = 0, len(array)
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (good, middle) if try_cast(array[good:middle], dtype) is None else (middle, bad)
    raise BadValue(good, why)


def read_ids(array: "pa.Array") -> "np.ndarray | pa.DictionaryArray":
    """Raw ids: integers where every value is a canonical decimal integer, else dictionary-encoded text.

    Canonical means that casting to int64 and back preserves it: text 7 and integer 7 are the same id, 007 stays 007.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    array = without_nulls(array)
    if pa.types.is_floating(array.type) or pa.types.is_temporal(array.type):
        raise BadValue(0, f"is of type {array.type}; ids must be integers or text")
    integers = try_cast(array, pa.int64())
    if integers is not None and pa.types.is_string(array.type):
        suspect = pc.less(array, "1")  # begins with 0 or a sign: only those can be non-canonical
        if not integers.filter(suspect).cast(pa.string()).equals(array.filter(suspect)):
            integers = None
    if integers is None:
        return without_empty_text(array.cast(pa.string())).dictionary_encode()
    values = integers.to_numpy()
    small = -(2**31) <= values.min() and values.max() < 2**31
    return values.astype(np.int32) if small else values


def join_ids(batches: list) -> tuple[pd.Categorical, str]:
    """Codes and distinct raw ids."""
    import pyarrow as pa

    if all(isinstance(batch, np.ndarray) for batch in batches):
        codes, raw = factorize(np.concatenate(batches))
        return pd.Categorical.from_codes(codes, raw, validate=False), f"{len(raw)} integers"
    text = [pa.array(b).cast(pa.string()).dictionary_encode() if isinstance(b, np.ndarray) else b for b in batches]
    unified = pa.chunked_array(text).unify_dictionaries()
    codes = np.concatenate([chunk.indices.to_numpy() for chunk in unified.chunks])
    raw = pd.Index(unified.chunk(0).dictionary.to_numpy(zero_copy_only=False), dtype=object)
    if raw.str.fullmatch(WHOLE_FLOAT).all():  # 17850.0 is the integer 17850, as other tables of the same shop write it
        codes, whole = factorize(raw.str.partition(".").get_level_values(0).to_numpy(np.int64)[codes])
        return pd.Categorical.from_codes(codes, whole, validate=False), f"{len(whole)} integers, written with .0"
    if rounded := int(raw.str.fullmatch(ROUNDED).sum()):
        example = raw[raw.str.fullmatch(ROUNDED)][0]
        log.warning("%d of %d ids look rounded by a spreadsheet, such as %s: different ids may have become one; export "
                    "that column as text", rounded, len(raw), example)  # fmt: skip
    return pd.Categorical.from_codes(codes, raw, validate=False), f"{len(raw)} texts"


def read_labels(array: "pa.Array") -> "pa.DictionaryArray":
    """Text with few distinct values, such as event types."""
    import pyarrow as pa

    return without_empty_text(without_nulls(array).cast(pa.string())).dictionary_encode()


def read_times(array: "pa.Array") -> np.ndarray:
    """Timestamps as int64 in the unit of the file, or datetime64[s] where the values are dates."""
    import pyarrow as pa
    import pyarrow.compute as pc

    array = without_nulls(array)
    if pa.types.is_temporal(array.type):
        values = array.cast(pa.timestamp("us", getattr(array.type, "tz", None)), safe=False).to_numpy()
    elif (integers := try_cast(array, pa.int64())) is not None:
        values = integers.to_numpy()
    else:
        array = pc.replace_substring_regex(without_empty_text(array), r" UTC$", "Z")
        dtypes = (pa.float64(), pa.timestamp("us"), pa.timestamp("us", "UTC"))
        dtype = next((dtype for dtype in dtypes if try_cast(array[:1], dtype) is not None), dtypes[0])
        values = cast_or_raise(array, dtype, TIME_HELP).to_numpy(zero_copy_only=False)
    if values.dtype.kind == "f":
        raise_where(~(np.abs(values) < 2.0**63), TIME_HELP)  # also NaN
        values = np.floor(values).astype(np.int64)
    if values.dtype.kind == "M":
        values = values.astype("datetime64[s]")
    raise_where(values.view(np.int64) < 0, "is before 1970; " + TIME_HELP.partition("; ")[2])
    return values


def join_times(batches: list) -> tuple[np.ndarray, str]:
    """(n,) int64 seconds since 1970; the unit is inferred from the magnitude."""
    kind = batches[0].dtype.kind
    other = next((i for i, batch in enumerate(batches) if batch.dtype.kind != kind), None)
    if other is not None:
        raise BadValue(sum(map(len, batches[:other])), "mixes numbers and dates; use one of them")
    values = np.concatenate(batches)
    unit = "dates"
    for parse in (parse_yyyymmdd, parse_calendar_digits):
        if kind != "M" and (dates := parse(values)) is not None:
            values, kind = dates, "M"
    if kind == "M":
        values = values.view(np.int64)
    else:
        unit, scale = next((u for u in UNITS.items() if values.max() < YEAR_5138 * u[1]), (None, 0))
        if unit is None:
            raise BadValue(int(values.argmax()), TIME_HELP)
        if scale > 1:
            raise_where(values < YEAR_5138 * scale // 1000, f"is not in {unit} like the other rows; use one unit")
            values //= scale
    first, last = np.array([values.min(), values.max()]).astype("datetime64[s]").astype("datetime64[D]")
    summary = f"{unit}, {first} to {last}"
    if first < EARLIEST or last > np.datetime64("today") + 1:
        log.warning("timestamps read as %s: before 1990 or after today; is that what the numbers mean?", summary)
    return values, summary


def read_numbers(array: "pa.Array") -> np.ndarray:
    """float64, finite."""
    import pyarrow as pa

    why = "is not a number; write it like 4.5, without currency signs or commas, or remove the row"
    values = cast_or_raise(without_empty_text(without_nulls(array)), pa.float64(), why).to_numpy()
    raise_where(~np.isfinite(values), why)
    return values


def join_numbers(batches: list) -> tuple[np.ndarray, str]:
    """(n,) float64."""
    values = np.concatenate(batches)
    return values, f"numbers from {values.min():g} to {values.max():g}"


def read_text(array: "pa.Array") -> np.ndarray:
    """Text; null becomes the empty string."""
    import pyarrow as pa

    return array.cast(pa.string()).fill_null("").to_numpy(zero_copy_only=False)


def join_text(batches: list) -> tuple[np.ndarray, str]:
    """(n,) object."""
    return np.concatenate(batches), "text"


def read_names(array: "pa.Array") -> "pa.DictionaryArray":
    """Dictionary-encoded text; null becomes the empty string."""
    import pyarrow as pa

    text = None if pa.types.is_nested(array.type) else try_cast(array, pa.string())
    if text is None:
        raise BadValue(0, f"is of type {array.type}; give text")
    return text.fill_null("").dictionary_encode()


KINDS = {
    "id": (read_ids, join_ids),
    "label": (read_labels, join_ids),
    "name": (read_names, join_ids),
    "time": (read_times, join_times),
    "number": (read_numbers, join_numbers),
    "text": (read_text, join_text),
}
