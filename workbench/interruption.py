"""Ctrl-C and SIGTERM on the command line: the first stops the command, further ones do not disturb its tidying up."""
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def ignore_signals() -> None:
    """Ignore Ctrl-C and SIGTERM from now on; unlike a handler in Python, this also holds while the process ends."""
    sys.unraisablehook = _without_races
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _without_races(unraisable: Any) -> None:
    """Python prints an error for a signal that arrived just before it was ignored; that one is ignored as well."""
    if "ignored due to race condition" not in str(unraisable.exc_value):
        sys.__unraisablehook__(unraisable)


@contextmanager
def stopped_once(*, at_exit: bool) -> Iterator[None]:
    """Raise KeyboardInterrupt at the first Ctrl-C or SIGTERM and ignore all later ones. at_exit: also after the block,
    which a process leaves to end; otherwise signal handlers are as before. Does nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: Any) -> None:
        ignore_signals()
        raise KeyboardInterrupt

    previous = {number: signal.signal(number, stop) for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN}
    try:
        yield
    except KeyboardInterrupt:  # also one that training raised, which handles signals itself
        ignore_signals()
        raise
    finally:
        for number, handler in previous.items():
            if signal.getsignal(number) is stop or not at_exit:
                signal.signal(number, handler)
