"""The one exception a user sees, and the sentence that names the nearest allowed word."""
from collections.abc import Iterable
from difflib import get_close_matches
from numbers import Integral

STOPPED = "interrupted; what was finished is stored, and the same command goes on from there"


class UserError(ValueError):
    """Something the user can mend. Entry points print its message alone, without a traceback, and exit with `code`.

    code: 1 a failed run, 2 a bad name or parameter, 3 bad data, 124 time-out, 130 interrupted, 138 a dead kernel.
    """

    def __init__(self, message: str, *, code: int = 2):
        super().__init__(message)
        self.code = code


def unknown(kind: str, given: str, allowed: Iterable[str]) -> UserError:
    """The error for a name that does not exist: what was given, the nearest name, and what is allowed.

    >>> print(unknown("dataset", "beuty", ["beauty", "toys"]))
    unknown dataset 'beuty'; did you mean 'beauty'? Allowed: beauty, toys
    """
    allowed = sorted(map(str, allowed))
    close = get_close_matches(str(given), allowed, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    listed = ", ".join(allowed) or "nothing here"
    return UserError(f"unknown {kind} {given!r}; {hint}Allowed: {listed}")


def check_names(kind: str, given: Iterable[str], allowed: Iterable[str]) -> None:
    """Raise `unknown` for the first of `given` that is not in `allowed`."""
    allowed = set(allowed)
    for name in given:
        if name not in allowed:
            raise unknown(kind, name, allowed)


def whole(value: object, low: int, high: float = float("inf")) -> bool:
    """Whether a value is a whole number from `low` to `high`; one of numpy is, True is not.

    >>> whole(3, 1, 3), whole(3.0, 1, 3), whole(True, 0), whole("3", 1)
    (True, False, False, False)
    """
    return isinstance(value, Integral) and not isinstance(value, bool) and low <= value <= high
