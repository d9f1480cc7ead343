"""Parsing and validation of log columns, batch by batch: ids, numbers and text; `values.timestamps` has the times.

Each kind is a pair of functions: `read_*` validates a batch (an Arrow array) and returns a compact array; `join_*`
concatenates the batches into one column and returns a short summary.
"""
import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.data.schema import factorize

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("workbench")
WHOLE_FLOAT = r"(?:0|-?[1-9]\d{0,17})(?:\.0+)?"
ROUNDED = r"\d(?:\.\d+)?[eE]\+?\d+"  # a long number in a spreadsheet's scientific notation
MISSING_HELP = "is missing; fill it in or remove the row"


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
    codes, raw = _unified(text)
    if raw.str.fullmatch(WHOLE_FLOAT).all():  # 17850.0 is the integer 17850, as other tables of the same shop write it
        codes, whole = factorize(raw.str.partition(".").get_level_values(0).to_numpy(np.int64)[codes])
        return pd.Categorical.from_codes(codes, whole, validate=False), f"{len(whole)} integers, written with .0"
    if rounded := int(raw.str.fullmatch(ROUNDED).sum()):
        example = raw[raw.str.fullmatch(ROUNDED)][0]
        log.warning("%d of %d ids look rounded by a spreadsheet, such as %s: different ids may have become one; export "
                    "that column as text", rounded, len(raw), example)  # fmt: skip
    return pd.Categorical.from_codes(codes, raw, validate=False), f"{len(raw)} texts"


def _unified(batches: list) -> tuple[np.ndarray, pd.Index]:
    """(n,) codes, and the distinct texts, of batches that each have a dictionary of their own."""
    import pyarrow as pa

    unified = pa.chunked_array(batches).unify_dictionaries()
    codes = np.concatenate([chunk.indices.to_numpy() for chunk in unified.chunks])
    return codes, pd.Index(unified.chunk(0).dictionary.to_numpy(zero_copy_only=False), dtype=object)


def read_labels(array: "pa.Array") -> "pa.DictionaryArray":
    """Text with few distinct values, such as event types."""
    import pyarrow as pa

    return without_empty_text(without_nulls(array).cast(pa.string())).dictionary_encode()


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


def read_glance(array: "pa.Array") -> "pa.DictionaryArray":
    """Dictionary-encoded text of a column nobody asked for: never an error, empty where there is no text."""
    import pyarrow as pa

    text = None if pa.types.is_nested(array.type) else try_cast(array, pa.string())
    text = pa.array([""] * len(array), pa.string()) if text is None else text
    return text.fill_null("").dictionary_encode()


def join_glance(batches: list) -> tuple[pd.Categorical, str]:
    """Codes and distinct texts, of which there is nothing to say."""
    return pd.Categorical.from_codes(*_unified(batches), validate=False), ""


KINDS = {
    "id": (read_ids, join_ids),
    "label": (read_labels, join_ids),
    "name": (read_names, join_ids),
    "glance": (read_glance, join_glance),
    "number": (read_numbers, join_numbers),
    "text": (read_text, join_text),
}
