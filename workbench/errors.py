"""UserError, the exception whose message is shown to the user, and the errors for invalid names."""
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from numbers import Integral

MOST_COMPARED = 5_000  # ids whose writing is compared: a comparison takes microseconds
INTERRUPTED = "interrupted; finished stages are stored, and the same command resumes from there"


class UserError(ValueError):
    """An error that the user can fix. Entry points print its message without a traceback and exit with `code`.

    code: 1 a failed run, 2 an invalid name or parameter, 3 invalid data, 124 time-out, 130 interrupted, 138 a dead
    kernel.
    """

    def __init__(self, message: str, *, code: int = 2):
        super().__init__(message)
        self.code = code


def unknown_name(kind: str, name: str, allowed: Iterable[str]) -> UserError:
    """The error for an unknown name: the name given, the nearest allowed name, and all allowed names.

    >>> print(unknown_name("dataset", "beuty", ["beauty", "toys"]))
    unknown dataset 'beuty'; did you mean 'beauty'? Allowed: beauty, toys
    """
    allowed = sorted(map(str, allowed))
    nearest = get_close_matches(str(name), allowed, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    listed = ", ".join(allowed) or "none"
    return UserError(f"unknown {kind} {name!r}; {hint}Allowed: {listed}")


def unknown_id(kind: str, given: str, ids: Sequence[str]) -> UserError:
    """The error for an id that is not among many: the one that means the same (a number written otherwise, blanks,
    capitals), else the most similar text; and how many there are.

    >>> print(unknown_id("user", "1.0", ["7", "1", "180"]))
    unknown user '1.0'; did you mean '1'? There are 3, such as '7', '1', '180'
    """
    key = _meaning(given)
    nearest = [each for each in ids if _meaning(each) == key][:1]
    if not nearest and not key.isdecimal():  # a number that is similar in writing is another number
        similar = ids if len(ids) <= MOST_COMPARED else [each for each in ids if each[:3] == given[:3]][:MOST_COMPARED]
        nearest = get_close_matches(given, similar, n=1, cutoff=0.6)
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    examples = ", ".join(repr(str(each)) for each in ids[:3])
    return UserError(f"unknown {kind} {given!r}; {hint}There are {len(ids):,}, such as {examples}")


def unknown_attribute(owner: str, name: str, known: Iterable[str]) -> AttributeError:
    """The error for an attribute that an object or a module lacks: the nearest name, or where none is near all of them.

    >>> print(unknown_attribute("'Bench' object", "fitt", ["fit", "split", "_stored"]))
    'Bench' object has no attribute 'fitt'; did you mean 'fit'?
    """
    known = [each for each in known if not each.startswith("_")]
    nearest = [] if name.startswith("_") else get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"it has {', '.join(known)}"
    message = f"{owner} has no attribute {name!r}"
    return AttributeError(message if name.startswith("_") else f"{message}; {hint}", name=name, obj=None)


def _meaning(raw: str) -> str:
    """A raw id without blanks, capitals, leading zeros and a whole number's decimals."""
    text = raw.strip().casefold()
    whole, point, decimals = text.partition(".")
    if whole.isdecimal() and not decimals.strip("0"):
        return whole.lstrip("0") or "0"
    return text


def check_names(kind: str, names: Iterable[str], allowed: Iterable[str]) -> None:
    """Raise `unknown_name` for the first of `names` that is not in `allowed`."""
    allowed = set(allowed)
    for name in names:
        if name not in allowed:
            raise unknown_name(kind, name, allowed)


def is_integer(value: object, low: int, high: float = float("inf")) -> bool:
    """Whether a value is an integer from `low` to `high`; numpy integers count, booleans do not.

    >>> is_integer(3, 1, 3), is_integer(3.0, 1, 3), is_integer(True, 0), is_integer("3", 1)
    (True, False, False, False)
    """
    return isinstance(value, Integral) and not isinstance(value, bool) and low <= value <= high
