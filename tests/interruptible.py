"""Ctrl-C inside a test."""
import signal
from contextlib import contextmanager


@contextmanager
def interruptible():
    """Ctrl-C interrupts, also where a shell started the tests with `&`, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
