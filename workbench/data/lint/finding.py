"""One row of a lint report, and its verdicts."""
from typing import NamedTuple

OK, NOTE, WARNING, NOT_MEASURED = "ok", "note", "warning", "not measured"


class Finding(NamedTuple):
    """One row of the report."""

    check: str
    value: float
    reference: float
    verdict: str
    note: str


def counted(check: str, count: int, of: int, note: str, verdict: str = WARNING) -> Finding:
    """A row whose value is a count: the verdict is OK where it is 0, and the note reads "`count` of `of` `note`."."""
    return Finding(check, int(count), 0.0, verdict if count else OK, f"{int(count):,} of {of:,} {note}.")
