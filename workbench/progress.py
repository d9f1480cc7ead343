"""Progress reporting in three display modes: a live line in a notebook, a bar in a terminal, throttled lines in a log.

The mode is chosen once per counter: `notebook` in a JupyterLab kernel (JupyterLab sets JPY_SESSION_NAME, papermill does
not), `terminal` where stderr is a TTY, else `log`. WORKBENCH_PROGRESS = notebook | terminal | log | none overrides it.
A log gets a line for every tenth of the work or every 30 s, so that an hour of training stays readable. A background
thread reports work that has no steps, or slow ones, after two seconds. In a terminal, nested counters share one line.
"""
import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sized
from typing import Any

from workbench.errors import unknown_name

QUIET_SECONDS = 2.0  # work that ends within this time shows nothing
CACHED_SECONDS = 0.25  # a stage that ends within this time was read from the store, not computed
DISPLAY_MODES = ("notebook", "terminal", "log", "none")
ACTIVE: list["Progress"] = []  # running counters, outermost first
_lock = threading.RLock()
_bar_shown = False  # whether the last line of the terminal is an unfinished bar


def in_jupyter() -> bool:
    """Whether this process is a kernel of JupyterLab, which names the notebook in JPY_SESSION_NAME. A subprocess of a
    cell inherits the name but is no kernel; a headless run has no such name."""
    return bool(os.environ.get("JPY_SESSION_NAME")) and "ipykernel" in sys.modules


def display_mode() -> str:
    """The display mode of this process. UserError if WORKBENCH_PROGRESS is not one of DISPLAY_MODES."""
    chosen = os.environ.get("WORKBENCH_PROGRESS")
    if chosen:
        if chosen not in DISPLAY_MODES:
            raise unknown_name("WORKBENCH_PROGRESS", chosen, DISPLAY_MODES)
        return chosen
    if in_jupyter():
        return "notebook"
    return "terminal" if sys.stderr.isatty() else "log"


def clear_progress_bar(_: logging.LogRecord) -> bool:
    """A logging filter that clears an unfinished bar, so that a log record starts on a line of its own."""
    global _bar_shown
    with _lock:
        if _bar_shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            _bar_shown = False
    return True


class Progress:
    """A counter of work done out of `total`; use it as a context manager and call `step`.

    label: the description shown. total: units of work, None if unknown; a single long operation has none and never
    calls `step`. unit: the plural shown after the count. done: units finished by an earlier call. stages: units are
    stored stages, so one that takes no time was read from the store and is left out of the time estimate. quiet: show
    nothing.
    """

    def __init__(
        self, label: str, total: int | None = None, unit: str = "steps", *, done: int = 0, stages: bool = False,
        quiet: bool = False,
    ):  # fmt: skip
        self.label, self.total, self.unit, self.stages = label, total, unit, stages
        self.untimed, self.done, self.note = done, done, ""  # untimed: units left out of the time estimate
        self.mode = "none" if quiet else display_mode()
        self.shown_at, self.shown_tenth, self.printed, self.handle, self.ended = 0.0, 0, -1, None, threading.Event()
        self.started = self.stepped = time.monotonic()
        self.cached_time = 0.0  # seconds spent on units read from the store

    def __enter__(self) -> "Progress":
        self.started = self.stepped = time.monotonic()
        if self.mode != "none":
            ACTIVE.append(self)
            threading.Thread(target=self._tick, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.ended.set()
        with _lock:
            if self in ACTIVE:
                ACTIVE.remove(self)
            for outer in ACTIVE if self.shown_at else ():
                outer.shown_at = self.shown_at  # a nested counter has just reported
            if self.shown_at or (_bar_shown and not ACTIVE):  # or the unfinished bar of a nested counter is still shown
                self._show(last=True)

    def step(self, n: int = 1, note: str = "") -> None:
        """Count `n` units; `note` is a short text such as a loss."""
        self.done += n
        self.note = note or self.note
        now = time.monotonic()
        if self.stages and now - self.stepped < CACHED_SECONDS:
            self.untimed += n
            self.cached_time += now - self.stepped
        self.stepped = now
        if self.mode == "none" or now - self.started < QUIET_SECONDS:
            return
        if self.mode == "log":
            tenth = 10 * self.done // self.total if self.total else 0
            if tenth == self.shown_tenth and now - max(self.shown_at, self.started) < 30:
                return
            self.shown_tenth = tenth
        elif now - self.shown_at < 0.2:
            return
        with _lock:
            self._show()

    def text(self, *, short: bool = False) -> str:
        """The line shown: count, elapsed and remaining seconds, note; short: only count and remaining seconds."""
        elapsed = time.monotonic() - self.started
        counted = f": {self.done:,}" + (f"/{self.total:,}" if self.total else "") + f" {self.unit}"
        parts = [self.label + (counted if self.total or self.done else "")] + [f"{elapsed:.0f} s"] * (not short)
        if self.total and self.untimed < self.done < self.total:
            rate = (elapsed - self.cached_time) / (self.done - self.untimed)
            parts.append(f"about {rate * (self.total - self.done):.0f} s left")
        return ", ".join(parts + ([self.note] if self.note and not short else []))

    def _tick(self) -> None:
        """Report work that makes no steps: in a log once and then every 30 s, else every 2 s."""
        while not self.ended.wait(QUIET_SECONDS):
            with _lock:
                waited = time.monotonic() - (self.shown_at or self.started)
                due = not self.shown_at or waited >= (30 if self.mode == "log" else QUIET_SECONDS)
                if due and not self.ended.is_set() and ACTIVE[-1:] == [self]:
                    self._show()

    def _show(self, last: bool = False) -> None:
        global _bar_shown
        self.shown_at = time.monotonic()
        if self.mode == "notebook":
            from IPython.display import display

            data = {"text/plain": self.text()}
            if self.handle is None:
                self.handle = display(data, raw=True, display_id=True)
            else:
                self.handle.update(data, raw=True)
        elif self.mode == "terminal":
            _bar_shown = not last or any(outer.mode == "terminal" for outer in ACTIVE)
            print(f"\r\x1b[K{self._bar()}", end="" if _bar_shown else "\n", file=sys.stderr, flush=True)
        elif not (last and self.done == self.printed):
            self.printed = self.done
            print(self.text(), file=sys.stderr, flush=True)

    def _bar(self) -> str:
        """The line of a terminal, cut to its width: the outer counters, then the bar of this one."""
        width = 20 * min(self.done, self.total) // self.total if self.total else 0
        bar = f"[{'#' * width}{'.' * (20 - width)}] " if self.total else ""
        outer = ACTIVE[: ACTIVE.index(self)] if self in ACTIVE else ACTIVE
        prefix = "".join(f"{progress.text(short=True)} > " for progress in outer)
        return (prefix + bar + self.text())[: shutil.get_terminal_size().columns - 1]


def track(
    iterable: Iterable, label: str, total: int | None = None, unit: str = "steps", *, stages: bool = False
) -> Iterator:
    """Yield from `iterable`, showing progress; `total` defaults to its length where it has one. The other
    arguments are those of `Progress`.

    Use it directly in a `for` statement. A generator bound to a name or a comprehension is kept alive by the traceback
    of an error, and a notebook would then show the work as running forever.
    """
    total = total if total is not None else (len(iterable) if isinstance(iterable, Sized) else None)
    with Progress(label, total, unit, stages=stages) as progress:
        for item in iterable:
            yield item
            progress.step()
