"""Timestamps as columns write them: numbers since 1970 in four units, dates, or text in a format of the user's."""
import logging
from typing import TYPE_CHECKING

import numpy as np

from workbench.data.formats.value_parsing import (
    BadValue,
    cast_or_raise,
    raise_where,
    try_cast,
    without_empty_text,
    without_nulls,
)
from workbench.data.formats.values.calendar_dates import parse_calendar_digits, parse_yyyymmdd
from workbench.data.formats.values.time_formats import parse_with_format, suggestion

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("workbench")
TIME_HELP = (
    "is not a timestamp; give seconds, milliseconds or microseconds since 1970, or dates like 2024-05-31 13:45:00, "
    "the year first"
)
UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
EARLIEST = np.datetime64("1990-01-01")  # logs of an earlier time are rare enough to ask about
YEAR_5138 = 10**11  # seconds; larger values are in a finer unit (unambiguous after February 1973)
MICRO = 10**6  # microseconds of a second: what is finer is left out
TRIED = 1000  # rows that a format is tried on


def read_times(array: "pa.Array", time_format: str = "") -> np.ndarray:
    """Timestamps in the unit of the file, as int64 or, where some are broken numbers, float64; or datetime64[us] where
    the values are dates. time_format: of strptime; without one, dates begin with the year."""
    import pyarrow as pa
    import pyarrow.compute as pc

    array = without_nulls(array)
    if time_format and not pa.types.is_temporal(array.type):
        values = parse_with_format(without_empty_text(array.cast(pa.string())).to_pandas(), time_format)
        raise_where(np.isnat(values), f"is not a time as time_format={time_format!r}")
    elif pa.types.is_temporal(array.type):
        zone = array.type.tz if pa.types.is_timestamp(array.type) else None
        values = array.cast(pa.timestamp("us", zone), safe=False).to_numpy()
    elif (integers := try_cast(array, pa.int64())) is not None:
        values = integers.to_numpy()
    else:
        array = pc.replace_substring_regex(without_empty_text(array), r" UTC$", "Z")
        dtypes = (pa.float64(), pa.timestamp("us"), pa.timestamp("us", "UTC"))
        dtype = next((dtype for dtype in dtypes if try_cast(array[:1], dtype) is not None), dtypes[0])
        try:
            values = cast_or_raise(array, dtype, TIME_HELP).to_numpy(zero_copy_only=False)
        except BadValue as error:
            raise BadValue(error.index, TIME_HELP + suggestion(array[:TRIED].to_pandas())) from None
    if values.dtype.kind == "f":
        raise_where(~(np.abs(values) < 2.0**63), TIME_HELP)  # also NaN
        whole = values.astype(np.int64)
        values = whole if (whole == values).all() else values
    before_1970 = (values.view(np.int64) if values.dtype.kind == "M" else values) < 0
    raise_where(before_1970, "is before 1970; " + TIME_HELP.partition("; ")[2])
    return values.astype("datetime64[us]") if values.dtype.kind == "M" else values


def join_times(batches: list) -> tuple[np.ndarray, str]:
    """(n,) int64 seconds since 1970, or datetime64[us] where some lie between two seconds; the unit of numbers is
    inferred from the magnitude."""
    dated = batches[0].dtype.kind == "M"
    other = next((i for i, batch in enumerate(batches) if (batch.dtype.kind == "M") != dated), None)
    if other is not None:
        raise BadValue(sum(map(len, batches[:other])), "mixes numbers and dates; use one of them")
    values, unit = np.concatenate(batches), "dates"
    if dated:
        seconds, rest = np.divmod(values.view(np.int64), MICRO)
    elif (dates := _calendar_dates(values)) is not None:
        seconds, rest = dates.view(np.int64), np.zeros(1, np.int64)
    else:
        unit, seconds, rest = _since_1970(values)
    first, last = np.array([seconds.min(), seconds.max()]).astype("datetime64[s]").astype("datetime64[D]")
    summary = f"{unit}, {first} to {last}, to the {_precision(seconds, rest)}"
    if first < EARLIEST or last > np.datetime64("today") + 1:
        log.warning("timestamps read as %s: before 1990 or after today; is that what the numbers mean?", summary)
    return (seconds * MICRO + rest).view("datetime64[us]") if rest.any() else seconds, summary


def _calendar_dates(values: np.ndarray) -> np.ndarray | None:
    """(n,) datetime64[s] where all numbers are dates written as digits, else None."""
    if values.dtype.kind == "f":
        return None
    dates = parse_yyyymmdd(values)
    return parse_calendar_digits(values) if dates is None else dates


def _since_1970(values: np.ndarray) -> tuple[str, np.ndarray, np.ndarray]:
    """The unit of numbers, their whole seconds and the microseconds above these, both (n,) int64."""
    unit, scale = next((u for u in UNITS.items() if values.max() < YEAR_5138 * u[1]), (None, 0))
    if unit is None:
        raise BadValue(int(values.argmax()), TIME_HELP)
    if scale > 1:
        raise_where(values < YEAR_5138 * scale // 1000, f"is not in {unit} like the other rows; use one unit")
    if values.dtype.kind == "f":  # rounded, since a float64 of today holds a quarter of a microsecond
        return unit, *np.divmod(np.rint(values * (MICRO / scale)).astype(np.int64), MICRO)
    if scale == 1:
        return unit, values, np.zeros(1, np.int64)
    seconds, rest = np.divmod(values, scale)
    return unit, seconds, rest * MICRO // scale


def _precision(seconds: np.ndarray, rest: np.ndarray) -> str:
    """The coarsest of day, second, millisecond and microsecond that tells these times apart."""
    if rest.any():
        return "microsecond" if (rest % 1000).any() else "millisecond"
    return "second" if (seconds % 86_400).any() else "day"
