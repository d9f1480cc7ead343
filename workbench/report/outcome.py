"""Do one thing of many and say how it went, so that what fails does not take the rest with it."""
import time
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

from workbench.errors import UserError
from workbench.notebooks.anonymize import scrubber

INTERRUPTED = 130


class Outcome(NamedTuple):
    """value: what was made, None where that failed. code: 0 done, 130 interrupted, else that of the error. error: why,
    in one line; trace: where, "" for what the user can mend; both without the places of this machine."""

    value: Any
    code: int
    seconds: float
    error: str
    trace: str

    @property
    def ok(self) -> bool:
        return self.code == 0


def attempt(make: Callable[[], Any]) -> Outcome:
    """Call `make`; whatever goes wrong in it is in the outcome, Ctrl-C and a want of memory included."""
    started, value, code, error, trace = time.monotonic(), None, 0, "", ""
    try:
        value = make()
    except UserError as refused:
        code, error = refused.code, str(refused)
    except KeyboardInterrupt as stopped:
        code, error = INTERRUPTED, str(stopped) or "interrupted"
    except Exception as broken:  # one cell of a sweep may run into anything; the others are still wanted
        code, error = 1, f"{type(broken).__name__}: {broken}".strip().removesuffix(":")
        trace = traceback.format_exc()
    return Outcome(value, code, round(time.monotonic() - started, 2), *scrubber()([error, trace]))
