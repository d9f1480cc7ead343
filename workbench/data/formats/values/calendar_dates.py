"""Dates written as digits, such as 20191101 or 20191101092232, told from seconds and milliseconds since 1970."""
import numpy as np

YYYYMMDD_RANGE = (19_700_101, 21_001_231)  # yyyymmdd; read as seconds, these would be days in 1970


def parse_yyyymmdd(values: np.ndarray) -> np.ndarray | None:
    """(n,) datetime64[s] where all integers are valid dates as yyyymmdd, else None."""
    if values.min() < YYYYMMDD_RANGE[0] or values.max() > YYYYMMDD_RANGE[1]:
        return None
    month, day = values // 100 % 100 - 1, values % 100 - 1
    months = (values // 10_000 * 12 + month - 1970 * 12).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + day
    valid = (month >= 0) & (month < 12) & (day >= 0) & (days.astype("datetime64[M]") == months)
    return days.astype("datetime64[s]") if valid.all() else None


def parse_calendar_digits(values: np.ndarray) -> np.ndarray | None:
    """(n,) datetime64[s] where all integers are valid dates as yyyymmddhh, yyyymmddhhmm or yyyymmddhhmmss, else None.

    Ten digits may also be seconds since 1970, but of 2032 or later; twelve may be milliseconds, of which one in two
    hundred looks like a date.
    """
    digits = len(str(values.max()))
    if digits not in (10, 12, 14) or len(str(values.min())) != digits:
        return None
    clock = digits - 8
    days = parse_yyyymmdd(values // 10**clock)
    rest = values % 10**clock * 10 ** (6 - clock)
    hours, minutes, seconds = rest // 10_000, rest // 100 % 100, rest % 100
    if days is None or not ((hours < 24) & (minutes < 60) & (seconds < 60)).all():
        return None
    return days + (hours * 3600 + minutes * 60 + seconds)
