"""What a column of a log holds, checked batch by batch as it is read: ids without loss, times, numbers, text.

A kind is a pair of functions: one takes a batch (an Arrow array), refuses what cannot be right and returns something
smaller; the other joins the batches into one column and says in a few words what it found.
"""
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.data.schema import factorize

if TYPE_CHECKING:
    import pyarrow as pa

WHY_TIME = (
    "is not a time; give seconds, milliseconds or microseconds since 1970, or dates like 2024-05-31 13:45:00, "
    "the year first"
)
WHY_MISSING = "is missing; fill it in or remove the row"
UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
DAYS = (19_700_101, 21_001_231)  # yyyymmdd: as seconds all of these are a few days in 1970
YEAR_5138 = 10**11  # seconds: a larger number is a finer unit, and every date after February 1973 is told apart


class BadValue(Exception):
    """A value that cannot be right: its place in the batch (or, on joining, in the column), and why with the remedy."""

    def __init__(self, index: int, why: str):
        super().__init__(why)
        self.index, self.why = index, why


def refuse(wrong: np.ndarray, why: str) -> None:
    """BadValue at the first place where `wrong` (n,) bool holds."""
    if wrong.any():
        raise BadValue(int(wrong.argmax()), why)


def plain(array: "pa.Array") -> "pa.Array":
    """The array, text of whatever encoding as plain text; BadValue where a value is null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if array.null_count:
        refuse(pc.is_null(array).to_numpy(zero_copy_only=False), WHY_MISSING)
    known = (pa.types.is_integer, pa.types.is_floating, pa.types.is_temporal)
    return array if any(is_kind(array.type) for is_kind in known) else array.cast(pa.string())


def filled(array: "pa.Array") -> "pa.Array":
    """The array; BadValue where a value is the empty text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(array.type):
        refuse(pc.equal(array, "").to_numpy(zero_copy_only=False), WHY_MISSING)
    return array


def tried(array: "pa.Array", form: Any) -> "pa.Array | None":
    """The array in another type, or None where a value does not convert."""
    import pyarrow as pa

    try:
        return array.cast(form)
    except pa.ArrowInvalid:
        return None


def converted(array: "pa.Array", form: Any, why: str) -> "pa.Array":
    """The array in another type; BadValue at the first value that does not convert, found by bisection."""
    values = tried(array, form)
    if values is not None:
        return values
    good, bad = 0, len(array)
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (good, middle) if tried(array[good:middle], form) is None else (middle, bad)
    raise BadValue(good, why)


def read_ids(array: "pa.Array") -> "np.ndarray | pa.DictionaryArray":
    """Raw ids: integers where every value is a canonical decimal integer (it survives the way to int64 and back), so
    that text 7 and integer 7 are one id and 007 stays 007; else text, each distinct one stored once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    array = plain(array)
    if pa.types.is_floating(array.type) or pa.types.is_temporal(array.type):
        raise BadValue(0, f"is of type {array.type}; ids must be integers or text")
    integers = tried(array, pa.int64())
    if integers is not None and pa.types.is_string(array.type):
        odd = pc.less(array, "1")  # begins with 0 or a sign: only those can be written in a second way
        if not integers.filter(odd).cast(pa.string()).equals(array.filter(odd)):
            integers = None
    if integers is None:
        return filled(array.cast(pa.string())).dictionary_encode()
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
    whole = pa.chunked_array(text).unify_dictionaries()
    codes = np.concatenate([chunk.indices.to_numpy() for chunk in whole.chunks])
    raw = pd.Index(whole.chunk(0).dictionary.to_numpy(zero_copy_only=False), dtype=object)
    return pd.Categorical.from_codes(codes, raw, validate=False), f"{len(raw)} texts"


def read_labels(array: "pa.Array") -> "pa.DictionaryArray":
    """A few distinct texts, such as kinds of event."""
    import pyarrow as pa

    return filled(plain(array).cast(pa.string())).dictionary_encode()


def read_times(array: "pa.Array") -> np.ndarray:
    """int64 in the unit of the file, or datetime64[s] where the values are dates."""
    import pyarrow as pa
    import pyarrow.compute as pc

    array = plain(array)
    if pa.types.is_temporal(array.type):
        values = array.cast(pa.timestamp("us", getattr(array.type, "tz", None)), safe=False).to_numpy()
    elif (integers := tried(array, pa.int64())) is not None:
        values = integers.to_numpy()
    else:
        array = pc.replace_substring_regex(filled(array), r" UTC$", "Z")
        forms = (pa.float64(), pa.timestamp("us"), pa.timestamp("us", "UTC"))
        form = next((form for form in forms if tried(array[:1], form) is not None), forms[0])
        values = converted(array, form, WHY_TIME).to_numpy(zero_copy_only=False)
    if values.dtype.kind == "f":
        refuse(~(np.abs(values) < 2.0**63), WHY_TIME)  # also not-a-number
        values = np.floor(values).astype(np.int64)
    if values.dtype.kind == "M":
        values = values.astype("datetime64[s]")
    refuse(values.view(np.int64) < 0, "is before 1970; " + WHY_TIME.partition("; ")[2])
    return values


def as_days(values: np.ndarray) -> np.ndarray | None:
    """(n,) datetime64[s] of integers that are all days as yyyymmdd, else None."""
    if values.min() < DAYS[0] or values.max() > DAYS[1]:
        return None
    month, day = values // 100 % 100 - 1, values % 100 - 1
    months = (values // 10_000 * 12 + month - 1970 * 12).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + day
    real = (month >= 0) & (month < 12) & (day >= 0) & (days.astype("datetime64[M]") == months)
    return days.astype("datetime64[s]") if real.all() else None


def join_times(batches: list) -> tuple[np.ndarray, str]:
    """(n,) int64 seconds since 1970, with the unit the magnitude gives away."""
    kind = batches[0].dtype.kind
    other = next((i for i, batch in enumerate(batches) if batch.dtype.kind != kind), None)
    if other is not None:
        raise BadValue(sum(map(len, batches[:other])), "mixes numbers and dates with the rows above; use one of them")
    values = np.concatenate(batches)
    unit = "dates"
    if kind != "M" and (days := as_days(values)) is not None:
        values, kind = days, "M"
    if kind == "M":
        values = values.view(np.int64)
    else:
        unit, scale = next((u for u in UNITS.items() if values.max() < YEAR_5138 * u[1]), (None, 0))
        if unit is None:
            raise BadValue(int(values.argmax()), WHY_TIME)
        if scale > 1:
            refuse(values < YEAR_5138 * scale // 1000, f"is not in {unit} as other rows are; use one unit")
            values //= scale
    first, last = np.array([values.min(), values.max()]).astype("datetime64[s]").astype("datetime64[D]")
    return values, f"{unit}, {first} to {last}"


def read_numbers(array: "pa.Array") -> np.ndarray:
    """float64, finite."""
    import pyarrow as pa

    why = "is not a number; write it like 4.5, without signs of currency or commas, or remove the row"
    values = converted(filled(plain(array)), pa.float64(), why).to_numpy()
    refuse(~np.isfinite(values), why)
    return values


def join_numbers(batches: list) -> tuple[np.ndarray, str]:
    """(n,) float64."""
    values = np.concatenate(batches)
    return values, f"numbers from {values.min():g} to {values.max():g}"


def read_text(array: "pa.Array") -> np.ndarray:
    """Text as it stands; null is the empty text."""
    import pyarrow as pa

    return array.cast(pa.string()).fill_null("").to_numpy(zero_copy_only=False)


def join_text(batches: list) -> tuple[np.ndarray, str]:
    """(n,) object."""
    return np.concatenate(batches), "text"


def read_names(array: "pa.Array") -> "pa.DictionaryArray":
    """Text that repeats, each distinct one stored once; null is the empty text."""
    import pyarrow as pa

    text = None if pa.types.is_nested(array.type) else tried(array, pa.string())
    if text is None:
        raise BadValue(0, f"is of type {array.type}; give a text")
    return text.fill_null("").dictionary_encode()


KINDS = {
    "id": (read_ids, join_ids),
    "label": (read_labels, join_ids),
    "name": (read_names, join_ids),
    "time": (read_times, join_times),
    "number": (read_numbers, join_numbers),
    "text": (read_text, join_text),
}
