"""Amounts of money as shops write them: $1,299.00, 3,50 or 1.299,00 EUR."""
import re

import numpy as np
import pandas as pd

CURRENCY = r"(?:[A-Za-z]{1,3}\.?\s*)?[$€£¥₹₩₽₺฿]|[A-Za-zł]{1,3}\.?"
AMOUNT = re.compile(rf"(-?)\s*(?:{CURRENCY})?\s*(-?)\s*(\d[\d.,\s'’]*|[.,]\d+)(?:[.,]?-)?\s*(?:{CURRENCY})?")
EMPTY = re.compile(r"\W*|nan|n/?a|null|none", re.IGNORECASE)
RANGE = re.compile(r"\d\D*(?:-|–|—|\bto\b|\bbis\b)\D*\d")
GROUPED = re.compile(r"\d{1,3}([.,])\d{3}")  # thousands, or a number with three decimals
REASONS = ("empty", "a range", "words beside a number", "not an amount")


def parse_money(text: np.ndarray) -> tuple[np.ndarray, dict[str, int]]:
    """(n,) float64, NaN where a text is not one amount, and how many of those there are for each of `REASONS`.

    A minus is kept, a currency is not. The last of comma and point is the decimal mark; three digits after the only
    mark are thousands if it is a comma, or a point in a column whose other decimals follow a comma.

    >>> parse_money(np.array(["12.99", "-$1,299.00", "3,50", "1.299,00 €", "from 8.99", "-"], object))
    (array([   12.99, -1299.  ,     3.5 ,  1299.  ,      nan,      nan]), {'empty': 1, 'words beside a number': 1})
    """
    codes, distinct = pd.factorize(pd.Series(text, dtype=object).astype(str).str.strip())
    counts, decimal_comma = np.bincount(codes, minlength=len(distinct)), _writes_decimal_comma(distinct)
    values, left_out = np.full(len(distinct), np.nan), dict.fromkeys(REASONS, 0)
    for at, value in enumerate(distinct):
        amount = AMOUNT.fullmatch(value)
        if amount:
            number = _number(amount[3], decimal_comma)
            values[at] = -number if amount[1] or amount[2] else number
        if np.isnan(values[at]):
            left_out[_reason(value)] += int(counts[at])
    return values[codes], {reason: count for reason, count in left_out.items() if count}


def _writes_decimal_comma(texts: pd.Index) -> bool:
    """Whether some of these end in a comma with one or two digits, and none in such a point."""
    ends = {mark: texts.str.contains(rf"[{mark}]\d{{1,2}}(?!\d|[.,]\d)").any() for mark in ".,"}
    return bool(ends[","] and not ends["."])


def _number(digits: str, decimal_comma: bool) -> float:
    """The number in digits with marks, NaN where the marks make no sense."""
    digits = re.sub(r"[\s'’]", "", digits)
    mark = max(".,", key=digits.rfind) if "." in digits and "," in digits else "," if "," in digits else "."
    grouped = GROUPED.fullmatch(digits)
    if digits.count(mark) > 1 or (grouped and (mark == "," or decimal_comma)):
        mark = {",": ".", ".": ","}[mark]  # what is there separates thousands
    digits = digits.replace({",": ".", ".": ","}[mark], "").replace(mark, ".")
    try:
        return float(digits)
    except ValueError:
        return np.nan


def _reason(text: str) -> str:
    """Why a text is not an amount: one of `REASONS`."""
    if EMPTY.fullmatch(text):
        return "empty"
    if RANGE.search(text):
        return "a range"
    return "words beside a number" if re.search(r"\d", text) and re.search(r"[^\W\d]", text) else "not an amount"
