"""Remove absolute paths and the user name from a notebook before it is shared."""
import getpass
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.places import PACKAGE, home

ANSI_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
WORD = re.compile(r"[^\s'\"]+")
CELL_FILE = re.compile(r"/ipykernel_\d+/\d+\.py")
BINARY = ("image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "audio/", "video/")


def _folder_labels(extra: dict[str, str]) -> dict[str, str]:
    """Absolute folders and the labels that replace them, longest first so that a folder goes before its parent."""
    labels = {str(Path.home()): "~", os.getcwd(): ".", str(home()): "$WORKBENCH_HOME", **extra}
    if (PACKAGE.parent / "pyproject.toml").exists():
        labels[str(PACKAGE.parent)] = "."
    for folder in filter(None, os.environ.get("WORKBENCH_DATA", "").split(os.pathsep)):
        labels[folder] = "$WORKBENCH_DATA"
    labels |= {os.path.realpath(folder): label for folder, label in labels.items()}
    return {k: labels[k] for k in sorted(labels, key=len, reverse=True) if os.path.isabs(k) and len(k) > 1}


def _without_cell_files(text: str) -> str:
    """The text with "cell" for the path of a cell's source. It is looked for word by word: a pattern that may start at
    any slash takes quadratic time where slashes abound."""

    def shorten(word: re.Match) -> str:
        start, ends = word[0].find("/"), list(CELL_FILE.finditer(word[0]))
        return word[0][:start] + "cell" + word[0][ends[-1].end() :] if ends and start < ends[-1].start() else word[0]

    return WORD.sub(shorten, text) if "/ipykernel_" in text else text


def anonymizer(extra: dict[str, str] | None = None) -> Callable[[Any], Any]:
    """A function that rewrites every string in a JSON value: home and working folders become labels, the user name
    becomes "user", and ANSI escapes are removed. Pictures and other binary outputs are left as they are.

    extra: further folders and their labels. The user name is replaced only inside paths and before an @, since it may
    be an ordinary word.
    """
    labels = _folder_labels(extra or {})
    folders = re.compile(r"(?<![\w.~+-])(" + "|".join(map(re.escape, labels)) + r")(?![\w+-])")
    try:
        user = re.escape(getpass.getuser())
    except (KeyError, OSError):  # a container without a name for its user
        user = r"(?!)"
    user_name = re.compile(rf"(?<=/home/){user}(?=/|\b)|(?<=/Users/){user}(?=/|\b)|\b{user}(?=@[\w-])")

    def clean_text(text: str) -> str:
        text = _without_cell_files(ANSI_ESCAPE.sub("", text))
        return user_name.sub("user", folders.sub(lambda match: labels[match[1]], text))

    def anonymize(value: Any) -> Any:
        if isinstance(value, str):
            return clean_text(value)
        if isinstance(value, dict):
            return type(value)(
                (key, inner if str(key).startswith(BINARY) else anonymize(inner)) for key, inner in value.items()
            )
        return [anonymize(inner) for inner in value] if isinstance(value, list | tuple) else value

    return anonymize
