"""The classes of the workshop: every check rejects the likely wrong answers, each with its own hint, and accepts the
solution; the student copies hold no solution."""
import ast
import json
from itertools import zip_longest
from pathlib import Path

import pytest
from canned import code, folded, prose, save
from wrong_answers import DAMAGE, WRONG

from workbench import notebooks, report
from workbench.__main__ import main
from workbench.errors import UserError
from workbench.notebooks.exercises import BLANK, PERCENT, ROUNDED, check_answer, exercises, is_close
from workbench.notebooks.parameters import cell_source, has_tag


def cells_of(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def messages(check: str) -> tuple[list[str], str]:
    """The hints of a check, in order, and its last message."""
    nodes = [node for line in ast.parse(check).body for node in ast.walk(line)]
    call = next(node for node in nodes if isinstance(node, ast.Call) and "check_answer" in ast.unparse(node.func))
    arguments = {word.arg: word.value for word in call.keywords}
    return [key.value for key in arguments["hints"].keys], arguments["otherwise"].value


def failed_message(names: dict, *codes: str) -> str:
    """The message of the first failing assert when these pieces of code run; "" if none fails."""
    try:
        for piece in codes:
            exec(piece, names)
    except AssertionError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("path", notebooks.workshop(), ids=lambda path: path.stem)
def test_every_check_fails_with_its_hint_and_passes_with_the_solution(path, home, capsys):
    cells, names = cells_of(path), {}
    by_cell = {each.exercise: each for each in exercises(cells)}
    wrong, rights = iter(WRONG[path.stem]), []
    for i, cell in enumerate(cells):
        if cell["cell_type"] != "code" or has_tag(cell, "solution") or has_tag(cell, "check"):
            continue
        exec(cell_source(cell), names)
        if i not in by_cell:
            continue
        check, solution = cell_source(cells[by_cell[i].check]), cell_source(cells[by_cell[i].solution])
        hints, otherwise = messages(check)
        assert failed_message(names, check) == BLANK
        answers = next(wrong)
        assert len(answers) >= max(5, len(hints) + 1), f"{path.stem}, cell {cell['id']}: five, one for each message"
        for answer, hint in zip_longest(answers, hints, fillvalue=otherwise):
            assert failed_message(names, cell_source(cell), answer, check) == hint, answer
        exec(cell_source(cell), names)
        assert failed_message(names, solution, check) == ""
        right = names["answer"]
        if isinstance(right, float) and right:
            assert failed_message(names, "answer = 100 * answer", check) == PERCENT
        assert failed_message(names, "answer = 'mine'", solution, check) not in ("", BLANK), "a student's own is kept"
        rights.append((right, check))
    exec(DAMAGE[path.stem], names)
    for right, check in rights:
        assert failed_message(names | {"answer": right}, check) == "", "a check reads nothing that a student may change"
    assert next(wrong, None) is None


def test_there_are_three_classes_outside_the_series():
    classes = notebooks.workshop()
    assert [path.stem for path in classes] == list(WRONG) and not set(classes) & set(notebooks.series())
    assert notebooks.find("1_spell_an_item") == classes[0]
    with pytest.raises(UserError, match="did you mean '1_spell_an_item'"):
        notebooks.find("1_spell_an_itm")


def test_the_teacher_guide_has_every_class_and_exercise():
    text = (notebooks.folder() / "workshop" / "README.md").read_text(encoding="utf-8")
    for path in notebooks.workshop():
        title = cell_source(cells_of(path)[0]).splitlines()[0].removeprefix("# ")
        assert f"## {path.stem[0]}. {title}" in text and path.stem in text
        section = text.split(f"## {path.stem[0]}. ")[1].split("\n## ")[0]
        times = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| 0:")]
        assert times == sorted(times) and times[0] == "0:00" and times[-1] < "1:00"
        assert all(f"Exercise {n}" in section for n in range(1, len(WRONG[path.stem]) + 1))


@pytest.mark.parametrize("answer, expected, same", [
    (7, 7, True), (8, 7, False), (7.0, 7, True), (0.3333, 1 / 3, True), (0.33, 1 / 3, False), (..., 1, False),
    ("7", 8, False), (None, 0.0, False), (float("nan"), 0.5, False), ([1, 2], [1, 2], True), ([1, 2, 3], [1, 2], False),
    (2001, 2000, False), (1e-12, 0.0, True), ([[1], [2, 3]], [1, 2], False),
])  # fmt: skip
def test_is_close(answer, expected, same):
    assert is_close(answer, expected) is same


@pytest.mark.parametrize("answer, expected, message", [
    (0.21, 0.212, ROUNDED), (-0.026, -0.02614, ROUNDED), (128.754, 1.28754, PERCENT), (-2.614, -0.02614, PERCENT),
    (18, 17, "count them"), (0.3, 0.212, "count them"), (21, 0.212, "count them"),
])  # fmt: skip
def test_rounded_answers_and_percent_have_messages_of_their_own(answer, expected, message):
    with pytest.raises(AssertionError) as failed:
        check_answer(answer, expected, otherwise="count them")
    assert str(failed.value) == message


def test_handout_leaves_the_solutions_out(tmp_path, capsys):
    assert main(["handout", "--out", str(tmp_path / "class")]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"{tmp_path / 'class' / '1_spell_an_item.ipynb'}: 4 exercises"
    assert main(["handout", "--out", str(tmp_path / "class")]) == 0, "writing the same copy again is allowed"
    for path in notebooks.workshop():
        original, copy = cells_of(path), cells_of(tmp_path / "class" / path.name)
        solutions = [cell_source(cell) for cell in original if has_tag(cell, "solution")]
        assert [cell["id"] for cell in copy] == [cell["id"] for cell in original if not has_tag(cell, "solution")]
        text = "\n".join(cell_source(cell) for cell in copy)
        assert solutions and not any(solution in text for solution in solutions)
        checks = [cell for cell in copy if has_tag(cell, "check")]
        assert len(checks) == len(solutions) and all(cell["metadata"]["jupyter"]["source_hidden"] for cell in checks)


def exercise(hint: str = "<details><summary>Hint</summary>\n\nOne and one.\n\n</details>") -> tuple[dict, ...]:
    """An exercise: its text and its three cells."""
    return (
        prose(f"Add them.\n\n{hint}"),
        code("two = ...", "exercise"),
        folded("# one solution\nif two is ...:\n    two = 1 + 1", "solution"),
        folded("# the check\ncheck_answer(two, 2, otherwise='add one and one')", "check"),
    )


TINY = ("from workbench.notebooks import check_answer, glue", *exercise(), prose("Keep it."), "glue(two=2)")


def test_a_copy_stops_at_the_first_exercise_with_its_hint(tmp_path):
    notebooks.handout([save(tmp_path / "tiny.ipynb", *TINY)], tmp_path / "class")
    result = notebooks.run(tmp_path / "class" / "tiny.ipynb", parameters={}, out=tmp_path / "out")
    assert not result.ok and result.cell == 4 and result.error == f"AssertionError: {BLANK}"
    shown = [out for cell in cells_of(result.executed) for out in cell.get("outputs", []) if "traceback" in out]
    assert [out["traceback"] for out in shown] == [[f"Not yet: {BLANK}"]], "a traceback would reveal the answer"
    solved = notebooks.run(tmp_path / "tiny.ipynb", parameters={}, out=tmp_path / "out")
    assert solved.ok, solved.error
    page = report.export_notebook(solved.executed).read_text()
    assert all(f"<summary>{tag}" in page for tag in ("Hint", "exercise", "solution", "check"))
    again = notebooks.handout([solved.executed], tmp_path / "again")
    assert list(again.values()) == [1]
    copy = json.loads((tmp_path / "again" / "tiny.ipynb").read_text())
    assert "workbench" not in copy["metadata"] and not any(cell.get("outputs") for cell in copy["cells"])


def test_handout_errors_write_nothing(tmp_path, capsys):
    tiny, out = save(tmp_path / "tiny.ipynb", *TINY), tmp_path / "class"
    notebooks.handout([tiny], out)
    edited = (out / "tiny.ipynb").read_text().replace("two = ...", "two = 3")
    (out / "tiny.ipynb").write_text(edited)
    empty = save(tmp_path / "empty.ipynb", "1")
    (tmp_path / "broken.ipynb").write_text("{}")
    for arguments, message in [
        (["--notebooks", str(notebooks.series()[0]), str(tiny), "--out", str(out)], "perhaps a student's work"),
        (["--notebooks", str(empty), "--out", str(out)], "no exercise"),
        (["--notebooks", str(tmp_path / "broken.ipynb"), "--out", str(out)], "not a readable notebook"),
        (["--notebooks", "1_spell_an_itm", "--out", str(out)], "did you mean '1_spell_an_item'"),
        (["--out", str(notebooks.folder() / "workshop")], "is in the folder of the notebooks"),
        (["--out", str(tiny)], "is a file"),
    ]:
        assert main(["handout", *arguments]) in (2, 3) and message in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["tiny.ipynb"] and (out / "tiny.ipynb").read_text() == edited


@pytest.mark.parametrize("cells, problem", [
    ([*TINY[:3], *TINY[4:]], "exercise, solution and check must be consecutive"),
    ([*TINY[:4], *TINY[5:]], "exercise, solution and check must be consecutive"),
    ([*TINY[:2], code("two = 0", "exercise"), *TINY[3:]], "must leave a blank"),
    ([*TINY[:3], folded("# a\nthree = 3", "solution"), *TINY[4:]], "its solution does not assign two"),
    ([*TINY[:4], folded("# a\ntwo == 2", "check"), *TINY[5:]], "a check calls wb.check_answer"),
    ([*TINY[:4], folded("two = 2\ncheck_answer(two, 2)", "check"), *TINY[5:]], "begin with a comment"),
    ([*TINY[:3], code("# a\nif two is ...:\n    two = 2", "solution"), *TINY[4:]], "fold it"),
    ([*TINY[:3], folded("# a\ntwo = 2", "solution"), *TINY[4:]], "a solution keeps a student's answer"),
])  # fmt: skip
def test_incomplete_exercises_are_reported(tmp_path, cells, problem):
    problems = notebooks.lint(save(tmp_path / "nb.ipynb", *cells))
    assert any(problem in reported for reported in problems)


def test_a_class_has_a_hint_for_each_of_three_to_five_exercises(tmp_path):
    def problems(*cells):
        return notebooks.lint(save(tmp_path / "workshop" / "nb.ipynb", TINY[0], *cells, *TINY[5:]))

    assert problems(*exercise(), *exercise(), *exercise()) == []
    assert problems(*exercise()) == ["a class has 3 to 5 exercises; this one has 1"]
    bare = problems(*exercise(""), *exercise(), *exercise("Hint: one and one."))
    assert len(bare) == 2 and all("has no hint" in problem for problem in bare)
