"""Quotes in delimited text: whether they enclose fields or are characters, and fields that swallowed other rows.

A quote that opens a field and is never meant to close swallows rows up to the next quote, without any error where the
quotes happen to balance.
"""
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from workbench.errors import UserError

LONG_FIELD = 10_000  # characters, of a field with line breaks
NEWLINE, RETURN, QUOTE = b'\n\r"'
AS_CHARACTERS = "quoting=none reads quotes as characters"
REMEDY = f"{AS_CHARACTERS}, quoting=standard takes such a field as it is"


def well_quoted(block: bytes, separator: str) -> bool:
    """Whether every quote of these lines opens or closes a field of one line; sufficient, not necessary.

    >>> well_quoted(b'1,"a, b"\\n', ","), well_quoted(b'1,"a\\n2,b"\\n', ","), well_quoted(b'1,"a"b\\n', ",")
    (True, False, False)
    """
    if b'""' in block:
        mark = re.escape(separator.encode())
        if re.search(rb'(?:\A|[\n' + mark + rb'])(?:"")+(?![\r\n"' + mark + rb'])', block):
            return False  # text after an enclosed field
        block = block.replace(b'""', b"")
    data = np.frombuffer(b"\n" + block + b"\n", np.uint8)
    marks, edge = np.flatnonzero((data == QUOTE) | (data == NEWLINE)), np.zeros(256, bool)
    edge[[NEWLINE, ord(separator)]] = True
    at = np.flatnonzero(data[marks] == QUOTE)  # which of the marks are quotes
    opening, closing = at[::2], at[1::2]
    if len(opening) > len(closing) or not (closing - opening == 1).all() or not edge[data[marks[opening] - 1]].all():
        return False
    edge[RETURN] = True
    return bool(edge[data[marks[closing] + 1]].all())


def survey(blocks: Iterable[bytes], separator: str) -> str:
    """"standard" where all quotes of whole lines are well placed, else "unclear"."""
    return "standard" if all(b'"' not in block or well_quoted(block, separator) for block in blocks) else "unclear"


def lines_are_rows(blocks: Iterable[bytes], separator: str, n_columns: int) -> bool:
    """Whether every line, split at each separator, has a field for each column."""
    mark = separator.encode()
    return all(
        line.count(mark) == n_columns - 1 for block in blocks for line in block.split(b"\n") if line.strip(b"\r")
    )


def check_rows(path: Path, rows: Iterator[tuple[int, list[str]]], separator: str, strict: bool) -> None:
    """UserError names the line of a field that seems to have swallowed rows.

    rows: line number and fields, from a reader that refuses an unclosed quote and text after a closing one. strict:
    whether to refuse fields with separators and line breaks inside, or with line breaks and over 10,000 characters.
    """
    for line, fields in rows:
        for field in fields if strict else ():
            if field.startswith(' "'):
                what = f"a blank before the quote of {field.strip()[:30]}, which would become part of the text"
                raise UserError(f"{path}, line {line}: {what}; remove blanks after separators. {AS_CHARACTERS}", code=3)
            if "\n" in field and (separator in field or len(field) > LONG_FIELD):
                breaks = field.count("\n")
                what = f"a quoted field with {len(field):,} characters and {breaks} line breaks, {field[:30]!r} ..."
                raise UserError(f"{path}, line {line}: {what}, seems to hold other rows; close the quote. {REMEDY}",
                                code=3)  # fmt: skip
