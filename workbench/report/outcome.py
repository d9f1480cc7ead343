"""Run one of several independent tasks and record its outcome, so that a failure does not stop the others."""
import time
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

from workbench.errors import UserError
from workbench.notebooks.anonymize import anonymizer

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


def attempt(task: Callable[[], Any]) -> Outcome:
    """Call `task`; every exception, including KeyboardInterrupt and MemoryError, is recorded in the outcome."""
    started, value, code, error, trace = time.monotonic(), None, 0, "", ""
    try:
        value = task()
    except UserError as exception:
        code, error = exception.code, str(exception)
    except KeyboardInterrupt as exception:
        code, error = INTERRUPTED, str(exception) or "interrupted"
    except Exception as exception:  # a cell of a matrix may fail in any way; the others still run
        code, error = 1, f"{type(exception).__name__}: {exception}".strip().removesuffix(":")
        trace = traceback.format_exc()
    return Outcome(value, code, round(time.monotonic() - started, 2), *anonymizer()([error, trace]))
