"""Dates in the notations of many countries: a strptime format as the user gives it, and which formats would fit."""
from functools import lru_cache
from itertools import product

import numpy as np
import pandas as pd

from workbench.errors import UserError

DATES = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m.%d.%Y", "%d-%m-%Y",
         "%m-%d-%Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%b %d %Y", "%d %B %Y",
         "%B %d, %Y")  # fmt: skip
CLOCKS = ("", "%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p", "%H%M%S", "%H:%M:%S %z", "%H:%M:%S%z")
BETWEEN = (" ", "T", ", ")
WITH_WEEKDAY = ("%a %b %d %H:%M:%S %z %Y", "%a %b %d %H:%M:%S %Y", "%a, %d %b %Y %H:%M:%S %z")


def check_time_format(time_format: str) -> str:
    """The format. UserError unless it is one of strptime's, with a year."""
    try:
        parse_with_format(pd.Series(["x"]), time_format)
        if "%" in time_format:
            return time_format
    except ValueError:
        pass
    raise UserError(f"time_format={time_format!r} is not a format of strptime, such as %d.%m.%Y %H:%M:%S")


def parse_with_format(text: pd.Series, time_format: str) -> np.ndarray:
    """(n,) datetime64[us] in UTC, NaT where the text is not in the format. ValueError for an invalid format."""
    times = pd.to_datetime(text, format=time_format, errors="coerce", utc=True, cache=True)
    return times.dt.tz_localize(None).to_numpy("datetime64[us]")


@lru_cache
def _formats() -> tuple[str, ...]:
    dated = [date + (between + clock if clock else "") for date, between, clock in product(DATES, BETWEEN, CLOCKS)]
    return tuple(dict.fromkeys([*dated, *WITH_WEEKDAY]))


def suggestion(text: pd.Series) -> str:
    """The options time_format= that fit most of these values, with their number, as the end of a message; two where
    day and month may be either. Empty where none fits half of them."""
    sample = text.iloc[:3]
    likely = [name for name in _formats() if not np.isnat(parse_with_format(sample, name)).all()]
    fits = {name: int((~np.isnat(parse_with_format(text, name))).sum()) for name in likely}
    most = max(fits.values(), default=0)
    best = [f'time_format="{name}"' for name, count in fits.items() if count == most]
    if not best or most < len(text) / 2:
        return ""
    which = " (day or month first: the values do not say, so you must)" if len(best) > 1 else ""
    return f"; {' and '.join(best)} fit{'s' * (len(best) == 1)} {most:,} of {len(text):,} rows tried{which}"
