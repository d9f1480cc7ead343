"""Run one of several independent tasks and record its outcome, so that a failure does not stop the others."""
import time
import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

from workbench.errors import UserError
from workbench.notebooks.anonymize import anonymizer
from workbench.places import disk_is_full

INTERRUPTED = 130


class Outcome(NamedTuple):
    """The outcome of a task. value: its result, None if it failed. code: exit code, 0 success, 130 interrupted. error:
    one line; trace: the traceback, "" for a UserError; both without paths of this machine."""

    value: Any
    code: int
    seconds: float
    error: str
    trace: str

    @property
    def ok(self) -> bool:
        return self.code == 0


def stops_when_full(report: Callable) -> Callable:
    """Decorator of a report: a full disk ends it, and the error says what is kept and how to go on. The report takes
    its folder as the keyword `out`."""

    @wraps(report)
    def stopping(*arguments: Any, out: Path, **keywords: Any) -> Any:
        started = time.time()
        try:
            return report(*arguments, out=out, **keywords)
        except UserError as error:
            if not disk_is_full(error):
                raise
            pages = sum(page.stat().st_mtime >= started for page in Path(out).rglob("*.html"))
            kept = f"The report stops here: {pages} page{'s' * (pages != 1)} of it in {out} and all finished stages are"
            raise UserError(f"{error} {kept} kept, and the same command goes on from there", code=1) from error

    return stopping


def attempt(task: Callable[[], Any]) -> Outcome:
    """Call `task`; every exception but that of a full disk is recorded in the outcome, also KeyboardInterrupt
    and MemoryError."""
    started, value, code, error, trace = time.monotonic(), None, 0, "", ""
    try:
        value = task()
    except UserError as exception:
        if disk_is_full(exception):  # the next task would fail in the same way
            raise
        code, error = exception.code, str(exception)
    except KeyboardInterrupt as exception:
        code, error = INTERRUPTED, str(exception) or "interrupted"
    except Exception as exception:  # a cell of a matrix may fail in any way; the others still run
        code, error = 1, f"{type(exception).__name__}: {exception}".strip().removesuffix(":")
        trace = traceback.format_exc()
    return Outcome(value, code, round(time.monotonic() - started, 2), *anonymizer()([error, trace]))
