"""Exercises: three consecutive code cells, marked by tags. `exercise` assigns `...` to a name, `solution` assigns the
answer where that is still blank, `check` compares it. A class of the workshop is a notebook with exercises.

JupyterLab shows the first line of a folded cell, so that of a solution or a check is a comment that gives nothing away.
"""
import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from workbench.notebooks.parameters import cell_source, has_tag

TAGS = ("exercise", "solution", "check")
MIN_EXERCISES, MAX_EXERCISES = 3, 5  # in a class of one hour
RELATIVE_TOLERANCE = 1e-3  # allows for rounding
BLANK = "put your answer in the place of the three dots, run that cell, then this one"
PERCENT = "that is in percent; as a share it is that divided by 100"
ROUNDED = "close; if you rounded it, give all the digits, and if not, look at the hint again"
NEARLY = 0.02  # an answer within this share of the expected one may have been rounded


class Exercise(NamedTuple):
    """The indices of its three cells in the notebook, and the names that the exercise leaves blank (`name = ...`)."""

    exercise: int
    solution: int
    check: int
    blanks: tuple[str, ...]


@dataclass(frozen=True)
class RightAnswer:
    """What a passed check shows, in green in a notebook."""

    def _repr_html_(self) -> str:
        style = "color: #fff; background-color: #0a7d33; font-weight: bold"  # readable on light and dark pages
        return f'<span style="{style}">&nbsp;✓ That is right.&nbsp;</span>'

    def __repr__(self) -> str:
        return "✓ That is right."


def check_answer(
    answer: Any, expected: Any, *, otherwise: str, hints: dict[str, Any] | None = None, rtol: float = RELATIVE_TOLERANCE
) -> RightAnswer:
    """Compare a student's answer with the expected one, a number or an array of numbers; a right answer says so.

    hints: for each likely mistake a message, with the value that the mistake gives, or True where it was made.
    otherwise: the message for any other wrong answer. The dots of the exercise and percent in the place of a share have
    messages of their own, as have rounded digits. rtol: how far floats may differ, as a share; whole numbers must be
    equal.
    AssertionError with the message, which a notebook shows without the traceback that would reveal the check.

    >>> check_answer(0.25, 1 / 4, otherwise="one in four")
    ✓ That is right.
    >>> check_answer(25, 1 / 4, otherwise="one in four")
    Traceback (most recent call last):
    AssertionError: that is in percent; as a share it is that divided by 100
    """
    _hide_assertion_tracebacks()
    if is_close(answer, expected, rtol):
        return RightAnswer()
    raise AssertionError(_message(answer, np.asarray(expected), hints or {}, rtol) or otherwise)


def _message(answer: Any, expected: np.ndarray, hints: dict[str, Any], rtol: float) -> str:
    """The message that fits a wrong answer, "" if none does."""
    if answer is ...:
        return BLANK
    for message, value in hints.items():
        if value is True or isinstance(value, np.bool_) and value or is_close(answer, value, rtol):
            return message
    if expected.dtype.kind == "f" and is_close(answer, 100 * expected, rtol):
        return PERCENT
    return ROUNDED if expected.dtype.kind == "f" and is_close(answer, expected, NEARLY) else ""


def is_close(answer: Any, expected: Any, rtol: float = RELATIVE_TOLERANCE) -> bool:
    """Whether an answer, a number or an array of numbers, equals the expected one. Integers must be equal, floats may
    differ by the relative tolerance. Any other answer gives False and raises no error.

    >>> is_close(0.3333, 1 / 3), is_close(7, 8), is_close(..., 7), is_close([1, 2], [1, 2])
    (True, False, False, True)
    """
    expected = np.asarray(expected)
    try:
        values = np.asarray(answer, np.float64)
    except (TypeError, ValueError):
        return False
    exact = expected.dtype.kind in "biu"
    return values.shape == expected.shape and np.allclose(values, expected, rtol=0 if exact else rtol, atol=1e-9)


@cache
def _hide_assertion_tracebacks() -> None:
    """Make IPython, if this runs in it, show a failed assert that has a message without its traceback."""
    if "IPython" not in sys.modules or (shell := sys.modules["IPython"].get_ipython()) is None:
        return

    def show_message(shell, kind, error, trace, tb_offset=None) -> list[str]:
        lines = [f"Not yet: {error}"] if str(error) else shell.InteractiveTB.structured_traceback(kind, error, trace)
        shell._showtraceback(kind, error, lines)
        return lines

    shell.set_custom_exc((AssertionError,), show_message)


def exercises(cells: list[dict]) -> list[Exercise]:
    """The complete exercises of a notebook, in order; `exercise_problems` reports those without a solution or check."""
    return [
        Exercise(i, i + 1, i + 2, _blanks(cell_source(cells[i])))
        for i in range(len(cells) - 2)
        if all(_is(cell, tag) for cell, tag in zip(cells[i:], TAGS))
    ]


def is_class(path: Path) -> bool:
    """Whether a notebook is a class of the workshop, judged by its folder."""
    return Path(path).absolute().parent.name == "workshop"


def exercise_problems(cells: list[dict], *, workshop: bool = False) -> Iterator[str]:
    """The problems of a notebook's exercises, one sentence each. workshop: the notebook is a class, in which every
    exercise has a folded hint and there are MIN_EXERCISES to MAX_EXERCISES of them."""
    complete = exercises(cells)
    grouped = {i for each in complete for i in each[:3]}
    number = {i: n for n, i in enumerate((i for i, cell in enumerate(cells) if cell["cell_type"] == "code"), 1)}
    for i, cell in enumerate(cells):
        if i not in grouped and any(_is(cell, tag) for tag in TAGS):
            yield f"code cell {number[i]}: exercise, solution and check must be consecutive cells, in this order"
    for each in complete:
        prefix = f"code cell {number[each.exercise]}: "
        if not each.blanks:
            yield prefix + "an exercise must leave a blank: `name = ...`"
        if missing := set(each.blanks) - _assigned(cell_source(cells[each.solution])):
            yield prefix + f"its solution does not assign {', '.join(sorted(missing))}"
        if not _calls_check(cell_source(cells[each.check])):
            yield f"code cell {number[each.check]}: a check calls wb.check_answer(answer, expected, otherwise=...)"
        for i in (each.solution, each.check):
            if not cell_source(cells[i]).startswith("#"):
                yield f"code cell {number[i]}: begin with a comment; it is what a folded cell shows"
            if not cells[i]["metadata"].get("jupyter", {}).get("source_hidden"):
                yield f"code cell {number[i]}: fold it, with source_hidden under jupyter in its metadata"
        if not any(f"if {name} is ...:" in cell_source(cells[each.solution]) for name in each.blanks):
            yield f"code cell {number[each.solution]}: a solution keeps a student's answer: `if answer is ...:`"
        if workshop and not _has_hint(cells[each.exercise - 1] if each.exercise else None):
            yield prefix + "the text before it has no hint: <details><summary>Hint</summary> ... </details>"
    if workshop and not MIN_EXERCISES <= len(complete) <= MAX_EXERCISES:
        yield f"a class has {MIN_EXERCISES} to {MAX_EXERCISES} exercises; this one has {len(complete)}"


def _is(cell: dict, tag: str) -> bool:
    return cell["cell_type"] == "code" and has_tag(cell, tag)


def _body(code: str) -> list[ast.stmt]:
    """The statements of a cell; [] where it is not Python, which `lint` reports."""
    try:
        return ast.parse(code).body
    except SyntaxError:
        return []


def _blanks(code: str) -> tuple[str, ...]:
    """The names to which `...` is assigned."""
    blanks = [node for node in _body(code) if isinstance(node, ast.Assign) and ast.unparse(node.value) == "..."]
    return tuple(target.id for node in blanks for target in node.targets if isinstance(target, ast.Name))


def _assigned(code: str) -> set[str]:
    nodes = [node for line in _body(code) for node in ast.walk(line)]
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _calls_check(code: str) -> bool:
    calls = [ast.unparse(node.func) for line in _body(code) for node in ast.walk(line) if isinstance(node, ast.Call)]
    return any(call.split(".")[-1] == "check_answer" for call in calls)


def _has_hint(cell: dict | None) -> bool:
    text = cell_source(cell) if cell and cell["cell_type"] == "markdown" else ""
    return all(tag in text for tag in ("<details>", "<summary>", "</summary>", "</details>"))
