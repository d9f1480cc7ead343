"""Progress with one call and three faces: a live line in a notebook, a bar in a terminal, throttled lines in a log.

The face is chosen once: JupyterLab sets JPY_SESSION_NAME and papermill does not, a terminal is a TTY, all else is a
log. WORKBENCH_PROGRESS = notebook | terminal | log | none overrides. A log gets a line per tenth of the work or per
30 s, whichever is rarer at first, so an hour of training stays readable.
"""
import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

from workbench.errors import unknown

QUICK = 2.0  # seconds: what is done by then shows nothing
FACES = ("notebook", "terminal", "log", "none")


def face() -> str:
    """Which face this process shows. UserError if WORKBENCH_PROGRESS names none."""
    chosen = os.environ.get("WORKBENCH_PROGRESS")
    if chosen:
        if chosen not in FACES:
            raise unknown("WORKBENCH_PROGRESS", chosen, FACES)
        return chosen
    if os.environ.get("JPY_SESSION_NAME") and "ipykernel" in sys.modules:
        return "notebook"
    return "terminal" if sys.stderr.isatty() else "log"


class Progress:
    """A counter of work done out of `total`; use as a context manager and call `step`.

    total: units of work, or None where it is not known. unit: the plural shown after the count. done: units that an
    earlier call did.
    """

    def __init__(self, what: str, total: int | None, unit: str = "steps", *, done: int = 0):
        self.what, self.total, self.unit = what, total, unit
        self.before, self.done, self.note, self.started = done, done, "", time.monotonic()
        self.face, self.shown_at, self.shown_tenth = face(), 0.0, 0
        self.handle = None

    def __enter__(self) -> "Progress":
        self.started = time.monotonic()
        return self

    def __exit__(self, *_: Any) -> None:
        if self.shown_at:
            self._show(last=True)

    def step(self, n: int = 1, note: str = "") -> None:
        """Count `n` units; `note` is a short text such as a loss."""
        self.done += n
        self.note = note or self.note
        now = time.monotonic()
        if self.face == "none" or now - self.started < QUICK:
            return
        if self.face == "log":
            tenth = 10 * self.done // self.total if self.total else 0
            if tenth == self.shown_tenth and now - max(self.shown_at, self.started) < 30:
                return
            self.shown_tenth = tenth
        elif now - self.shown_at < 0.2:
            return
        self._show()

    def text(self) -> str:
        """The line itself: count, share, elapsed and remaining seconds, note."""
        elapsed = time.monotonic() - self.started
        parts = [f"{self.what}: {self.done:,}" + (f"/{self.total:,}" if self.total else "") + f" {self.unit}"]
        parts.append(f"{elapsed:.0f} s")
        if self.total and self.before < self.done < self.total:
            parts.append(f"about {elapsed * (self.total - self.done) / (self.done - self.before):.0f} s left")
        return ", ".join(parts + ([self.note] if self.note else []))

    def _show(self, last: bool = False) -> None:
        self.shown_at = time.monotonic()
        if self.face == "notebook":
            from IPython.display import display

            data = {"text/plain": self.text()}
            if self.handle is None:
                self.handle = display(data, raw=True, display_id=True)
            else:
                self.handle.update(data, raw=True)
        elif self.face == "terminal":
            width = 20 * self.done // self.total if self.total else 0
            bar = f"[{'#' * width}{'.' * (20 - width)}] " if self.total else ""
            print(f"\r\x1b[K{bar}{self.text()}", end="\n" if last else "", file=sys.stderr, flush=True)
        elif self.face == "log":
            print(self.text(), file=sys.stderr, flush=True)


def track(iterable: Iterable, what: str, total: int | None = None, unit: str = "steps") -> Iterator:
    """Yield from `iterable`, showing progress; `total` defaults to its length where it has one."""
    total = total if total is not None else (len(iterable) if hasattr(iterable, "__len__") else None)
    with Progress(what, total, unit) as progress:
        for item in iterable:
            yield item
            progress.step()
