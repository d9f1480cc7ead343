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
