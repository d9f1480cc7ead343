"""Progress with one call and three faces: a live line in a notebook, a bar in a terminal, throttled lines in a log.

The face is chosen once: JupyterLab sets JPY_SESSION_NAME and papermill does not, a terminal is a TTY, all else is a
log. WORKBENCH_PROGRESS = notebook | terminal | log | none overrides. A log gets a line per tenth of the work or per
30 s, whichever is rarer at first, so an hour of training stays readable. One long step says so too: a thread looks at
the clock, so that what has no steps, or slow ones, shows after two seconds what is being done. What runs inside another
shows one line with it in a terminal.
"""
import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

from workbench.errors import unknown

QUICK = 2.0  # seconds: what is done by then shows nothing
STORED = 0.25  # seconds: a stage that is done by then was read and not made
FACES = ("notebook", "terminal", "log", "none")
ACTIVE: list["Progress"] = []  # what is being done, the outer before the inner
_lock = threading.RLock()
_open = False  # whether the terminal's last line is a bar


def live() -> bool:
    """Whether a browser shows what this process displays: JupyterLab names the notebook of a kernel. What a cell starts
    inherits that name and is no kernel; a headless run has none."""
    return bool(os.environ.get("JPY_SESSION_NAME")) and "ipykernel" in sys.modules


def face() -> str:
    """Which face this process shows. UserError if WORKBENCH_PROGRESS names none."""
    chosen = os.environ.get("WORKBENCH_PROGRESS")
    if chosen:
        if chosen not in FACES:
            raise unknown("WORKBENCH_PROGRESS", chosen, FACES)
        return chosen
    if live():
        return "notebook"
    return "terminal" if sys.stderr.isatty() else "log"


def cleared(_: logging.LogRecord) -> bool:
    """A filter for the handler of a terminal's log: what it writes stands on a line of its own, not behind a bar."""
    global _open
    with _lock:
        if _open:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            _open = False
    return True


class Progress:
    """A counter of work done out of `total`; use as a context manager and call `step`.

    total: units of work, or None where it is not known; a single long operation has none and never calls `step`. unit:
    the plural shown after the count. done: units that an earlier call did. stages: whether a unit that takes no time
    was stored, and says nothing of how long the others will take. quiet: show nothing.
    """

    def __init__(
        self, what: str, total: int | None = None, unit: str = "steps", *, done: int = 0, stages: bool = False,
        quiet: bool = False,
    ):  # fmt: skip
        self.what, self.total, self.unit, self.stages = what, total, unit, stages
        self.before, self.done, self.note = done, done, ""
        self.face = "none" if quiet else face()
        self.shown_at, self.shown_tenth, self.told, self.handle, self.ended = 0.0, 0, -1, None, threading.Event()
        self.started = self.stepped = time.monotonic()
        self.idle = 0.0  # seconds spent on units that were stored

    def __enter__(self) -> "Progress":
        self.started = self.stepped = time.monotonic()
        if self.face != "none":
            ACTIVE.append(self)
            threading.Thread(target=self._tick, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.ended.set()
        with _lock:
            if self in ACTIVE:
                ACTIVE.remove(self)
            for outer in ACTIVE if self.shown_at else ():
                outer.shown_at = self.shown_at  # it was heard from
            if self.shown_at or (_open and not ACTIVE):  # a bar within this one stands on the line still
                self._show(last=True)

    def step(self, n: int = 1, note: str = "") -> None:
        """Count `n` units; `note` is a short text such as a loss."""
        self.done += n
        self.note = note or self.note
        now = time.monotonic()
        if self.stages and now - self.stepped < STORED:
            self.before += n
            self.idle += now - self.stepped
        self.stepped = now
        if self.face == "none" or now - self.started < QUICK:
            return
        if self.face == "log":
            tenth = 10 * self.done // self.total if self.total else 0
            if tenth == self.shown_tenth and now - max(self.shown_at, self.started) < 30:
                return
            self.shown_tenth = tenth
        elif now - self.shown_at < 0.2:
            return
        with _lock:
            self._show()

    def text(self, *, short: bool = False) -> str:
        """The line itself: count, elapsed and remaining seconds, note; short: count and remaining seconds."""
        elapsed = time.monotonic() - self.started
        counted = f": {self.done:,}" + (f"/{self.total:,}" if self.total else "") + f" {self.unit}"
        parts = [self.what + (counted if self.total or self.done else "")] + [f"{elapsed:.0f} s"] * (not short)
        if self.total and self.before < self.done < self.total:
            rate = (elapsed - self.idle) / (self.done - self.before)
            parts.append(f"about {rate * (self.total - self.done):.0f} s left")
        return ", ".join(parts + ([self.note] if self.note and not short else []))

    def _tick(self) -> None:
        """Show what stands still: in a log once, and every 30 s; else every 2 s."""
        while not self.ended.wait(QUICK):
            with _lock:
                waited = time.monotonic() - (self.shown_at or self.started)
                due = not self.shown_at or waited >= (30 if self.face == "log" else QUICK)
                if due and not self.ended.is_set() and ACTIVE[-1:] == [self]:
                    self._show()

    def _show(self, last: bool = False) -> None:
        global _open
        self.shown_at = time.monotonic()
        if self.face == "notebook":
            from IPython.display import display

            data = {"text/plain": self.text()}
            if self.handle is None:
                self.handle = display(data, raw=True, display_id=True)
            else:
                self.handle.update(data, raw=True)
        elif self.face == "terminal":
            _open = not last or any(outer.face == "terminal" for outer in ACTIVE)
            print(f"\r\x1b[K{self._bar()}", end="" if _open else "\n", file=sys.stderr, flush=True)
        elif not (last and self.done == self.told):
            self.told = self.done
            print(self.text(), file=sys.stderr, flush=True)

    def _bar(self) -> str:
        """A terminal's line, no wider than it: a bar, and what this is inside of."""
        width = 20 * min(self.done, self.total) // self.total if self.total else 0
        bar = f"[{'#' * width}{'.' * (20 - width)}] " if self.total else ""
        around = ACTIVE[: ACTIVE.index(self)] if self in ACTIVE else ACTIVE
        outer = "".join(f"{each.text(short=True)} > " for each in around)
        return (outer + bar + self.text())[: shutil.get_terminal_size().columns - 1]


def track(
    iterable: Iterable, what: str, total: int | None = None, unit: str = "steps", *, stages: bool = False
) -> Iterator:
    """Yield from `iterable`, showing progress; `total` defaults to its length where it has one. stages: as Progress.

    Write it into the line of a `for` statement: where a name or a comprehension holds it, so does the traceback of an
    error, and in a notebook it says for ever that the work goes on.
    """
    total = total if total is not None else (len(iterable) if hasattr(iterable, "__len__") else None)
    with Progress(what, total, unit, stages=stages) as progress:
        for item in iterable:
            yield item
            progress.step()
