"""Take the places and the name of the person who ran it out of a notebook before anybody else reads it."""
import getpass
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench import artifacts

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
CELL = re.compile(r"/[^\s'\"]*/ipykernel_\d+/\d+\.py")


def _places(extra: dict[str, str]) -> dict[str, str]:
    """Absolute folders and what stands for them, longest first so that a folder goes before its parent."""
    shown = {str(Path.home()): "~", os.getcwd(): ".", str(artifacts.home()): "$WORKBENCH_HOME", **extra}
    if (artifacts.PACKAGE.parent / "pyproject.toml").exists():
        shown[str(artifacts.PACKAGE.parent)] = "."
    for folder in filter(None, os.environ.get("WORKBENCH_DATA", "").split(os.pathsep)):
        shown[folder] = "$WORKBENCH_DATA"
    shown |= {os.path.realpath(folder): label for folder, label in shown.items()}
    return {k: shown[k] for k in sorted(shown, key=len, reverse=True) if os.path.isabs(k) and len(k) > 1}


def scrubber(extra: dict[str, str] | None = None) -> Callable[[Any], Any]:
    """A function that rewrites every string in a JSON value: home, working folder, user name, terminal colours.

    extra: further folders and the label to show instead. A user name counts inside paths and before an @ only: it may
    be an ordinary word.
    """
    places = _places(extra or {})
    folders = re.compile(r"(?<![\w.~+-])(" + "|".join(map(re.escape, places)) + r")(?![\w+-])")
    try:
        user = re.escape(getpass.getuser())
    except (KeyError, OSError):  # a container without a name for its user
        user = r"(?!)"
    person = re.compile(rf"(?<=/home/){user}(?=/|\b)|(?<=/Users/){user}(?=/|\b)|\b{user}(?=@[\w-])")

    def clean(text: str) -> str:
        text = CELL.sub("cell", ANSI.sub("", text))
        return person.sub("user", folders.sub(lambda found: places[found[1]], text))

    def walk(value: Any) -> Any:
        if isinstance(value, str):
            return clean(value)
        if isinstance(value, dict):
            return type(value)((key, walk(inner)) for key, inner in value.items())
        return [walk(inner) for inner in value] if isinstance(value, list | tuple) else value

    return walk
