"""Exercises: three code cells in a row, told by their tags. `exercise` leaves a name as three dots, `solution` fills it
in, `check` asserts, each time with a sentence that helps. A class of the workshop is a notebook of such."""
import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from workbench.notebooks.parameters import source, tagged

TAGS = ("exercise", "solution", "check")
FEWEST, MOST = 3, 5  # exercises in a class of an hour
WITHIN = 1e-3  # relative; people round


class Exercise(NamedTuple):
    """Where its three cells stand among those of the notebook, and the names that are to be filled in."""

    exercise: int
    solution: int
    check: int
    asked: tuple[str, ...]


def near(answer: Any, expected: Any, within: float = WITHIN) -> bool:
    """Whether an answer, a number or an array of them, is the expected one; anything else is simply not, so that a
    check has its say. Whole numbers must be equal, others may differ by `within` of their size. In a notebook a failed
    assert is from now on shown as its sentence alone: a traceback would show the check, and with it the answer.

    >>> near(0.3333, 1 / 3), near(7, 8), near(..., 7), near([1, 2], [1, 2]), near([1], [1, 2])
    (True, False, False, True, False)
    """
    _sentence_alone()
    expected = np.asarray(expected)
    try:
        given = np.asarray(answer, np.float64)
    except (TypeError, ValueError):
        return False
    exact = expected.dtype.kind in "biu"
    return given.shape == expected.shape and np.allclose(given, expected, rtol=0 if exact else within, atol=1e-9)


@cache
def _sentence_alone() -> None:
    """Tell a notebook that runs this to leave out the traceback of a failed assert that has a message."""
    if "IPython" not in sys.modules or (shell := sys.modules["IPython"].get_ipython()) is None:
        return

    def told(shell, kind, error, trace, tb_offset=None) -> list[str]:
        lines = [f"Not yet: {error}"] if str(error) else shell.InteractiveTB.structured_traceback(kind, error, trace)
        shell._showtraceback(kind, error, lines)
        return lines

    shell.set_custom_exc((AssertionError,), told)


def exercises(cells: list[dict]) -> list[Exercise]:
    """The exercises of a notebook's cells in their order. Those that lack a solution or a check are left out, see
    `breaches`."""
    found = []
    for place in range(len(cells) - 2):
        if all(_is(cell, tag) for cell, tag in zip(cells[place:], TAGS)):
            found.append(Exercise(place, place + 1, place + 2, _asked(source(cells[place]))))
    return found


def is_class(path: Path) -> bool:
    """Whether a notebook is a class of the workshop: by the folder in which it lies."""
    return Path(path).absolute().parent.name == "workshop"


def breaches(cells: list[dict], *, taught: bool = False) -> Iterator[str]:
    """What is wrong with the exercises of a notebook, a sentence each. taught: it is a class, where every exercise has
    a hint to unfold and there are neither too few nor too many."""
    found = exercises(cells)
    whole = {place for each in found for place in each[:3]}
    number = {place: n for n, place in enumerate((i for i, c in enumerate(cells) if c["cell_type"] == "code"), 1)}
    for place, cell in enumerate(cells):
        if place not in whole and any(_is(cell, tag) for tag in TAGS):
            yield f"code cell {number[place]}: exercise, solution and check stand together, in this order"
    for each in found:
        said = f"code cell {number[each.exercise]}: "
        if not each.asked:
            yield said + "an exercise leaves something to fill in: `name = ...`"
        if missing := set(each.asked) - _assigned(source(cells[each.solution])):
            yield said + f"its solution does not say {', '.join(sorted(missing))}"
        yield from (f"code cell {number[each.check]}: {problem}" for problem in _check(source(cells[each.check])))
        if taught and not _hinted(cells[each.exercise - 1] if each.exercise else None):
            yield said + "the text before it holds no hint: <details><summary>Hint</summary> ... </details>"
    if taught and not FEWEST <= len(found) <= MOST:
        yield f"a class has {FEWEST} to {MOST} exercises; this one has {len(found)}"


def _is(cell: dict, tag: str) -> bool:
    return cell["cell_type"] == "code" and tagged(cell, tag)


def _body(code: str) -> list[ast.stmt]:
    """The statements; none where it is not Python, which `lint` reports."""
    try:
        return ast.parse(code).body
    except SyntaxError:
        return []


def _asked(code: str) -> tuple[str, ...]:
    """Names given three dots."""
    dots = [node for node in _body(code) if isinstance(node, ast.Assign) and ast.unparse(node.value) == "..."]
    return tuple(target.id for node in dots for target in node.targets if isinstance(target, ast.Name))


def _assigned(code: str) -> set[str]:
    nodes = [node for line in _body(code) for node in ast.walk(line)]
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _check(code: str) -> Iterator[str]:
    asserts = [node for node in _body(code) if isinstance(node, ast.Assert)]
    if not asserts:
        yield "a check asserts something"
    if any(node.msg is None for node in asserts):
        yield "an assert without a message helps nobody"


def _hinted(cell: dict | None) -> bool:
    text = source(cell) if cell and cell["cell_type"] == "markdown" else ""
    return all(tag in text for tag in ("<details>", "<summary>", "</summary>", "</details>"))
