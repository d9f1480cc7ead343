"""The classes of the workshop: every check is met by the answers that are likely to be wrong, each with its own hint,
and by the solution, which passes; the copies for students hold no solution."""
import ast
import json
from pathlib import Path

import pytest
from canned import code, prose, save

from workbench import notebooks, report
from workbench.__main__ import main
from workbench.errors import UserError
from workbench.notebooks.exercises import exercises, near
from workbench.notebooks.parameters import source, tagged

# For every exercise a wrong answer for each assert of its check, in the order of the asserts, after the one that meets
# what was handed out.
WRONG = {
    "1_spell_an_item": [
        [
            "answer = (codes.codes[:, 0] == codes.codes[item, 0]).sum()",
            "answer = (codes.codes[:, 1] == codes.codes[item, 1]).sum() - 1",
            "answer = 'many'",
        ],
        [
            "answer = codes.codes[item, 0]",
            "answer = [np.square(table - left).sum(1).argmin() for table in tables]",
            "answer = [np.square(tables[0] - left).sum(1).argmin(), 0, 0]",
            "answer = [np.square(table - left).sum(1).argmax() for table in tables]",
        ],
        [
            "answer = (count > 1).mean()",
            "answer = 1 - len(names) / bench.dataset.n_items",
            "answer = count[count > 1].sum()",
            "answer = count.max() / count.sum()",
        ],
        [
            "answer = (held[:, 0] & ~held[:, 1]).mean()",
            "answer = held[held[:, 0], 1].mean()",
            "answer = (~held[:, 0]).mean()",
            "answer = (~held).mean()",
        ],
    ],
    "2_what_a_sasrec_knows": [
        [
            "answer = 1 - np.square(x - rebuilt).sum() / np.square(x - x.mean(axis=0)).sum()",
            "answer = np.square(x - rebuilt).sum() / np.square(x).sum()",
            "answer = (x - rebuilt).sum() / (x - x.mean(axis=0)).sum()",
        ],
        [
            "answer = (z.getnnz(axis=0) > 0).mean()",
            "answer = (z.getnnz(axis=0) == 0).sum()",
            "answer = (z.toarray() == 0).mean()",
            "answer = z.getnnz(axis=0)",
        ],
        [
            "answer = (fires == holds).mean()",
            "answer = holds[fires].mean()",
            "answer = fires[holds].mean()",
            "answer = (holds[fires].mean() + fires[holds].mean()) / 2",
            "answer = holds[fires].mean() * fires[holds].mean()",
        ],
        [
            "answer = (chance >= observed).mean()",
            "answer = (1 + (chance >= observed).sum()) / len(chance)",
            "answer = (chance < observed).mean()",
            "answer = observed - chance.mean()",
        ],
        [
            "answer = kept['spliced'] / kept['base']",
            "answer = (kept['base'] - kept['spliced']) / (kept['base'] - kept['mean'])",
            "answer = (kept['spliced'] - kept['zero']) / (kept['base'] - kept['zero'])",
            "answer = kept['spliced'] - kept['mean']",
        ],
    ],
    "3_solvable_by_a_shortcut": [
        [
            "answer = follows[last[row]].toarray().ravel().argmax()",
            "answer = np.sort(-follows[last[row]].toarray().ravel())[:10]",
            "answer = np.argsort(follows[last[row]].toarray().ravel())[:10]",
            "answer = np.argsort(-follows[:, [last[row]]].toarray().ravel())[:10]",
            "answer = np.argsort(-follows[last[row]].toarray().ravel())[1:11]",
        ],
        [
            "answer = np.asarray(follows[last, targets]).mean()",
            "answer = (np.asarray(follows[last, targets]) > 0).sum()",
            "answer = (np.asarray(follows[targets, last]) > 0).mean()",
            "answer = (np.asarray(follows[last, targets]) == 0).mean()",
            "answer = follows.nnz / np.prod(follows.shape)",
        ],
        [
            "answer = network.mean() / rule.mean()",
            "answer = rule.mean() - network.mean()",
            "answer = rule[network > 0].mean() / network[network > 0].mean()",
            "answer = (rule > 0).mean()",
        ],
        [
            "answer = 1.96 * (network - rule).std()",
            "answer = (network - rule).std() / np.sqrt(len(rule))",
            "answer = 1.96 * np.sqrt((network.var() + rule.var()) / len(rule))",
            "answer = (network - rule).mean()",
        ],
        [
            "answer = (network - rule)[label == 'memorised'].mean()",
            "answer = (network - rule).mean()",
            "answer = ((network - rule) * (label != 'memorised')).mean()",
            "answer = (rule - network)[label != 'memorised'].mean()",
            "answer = 1.0",
        ],
    ],
}


def cells_of(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def said(check: str) -> list[str]:
    """The sentences of a check, in its order."""
    return [ast.literal_eval(node.msg) for node in ast.parse(check).body if isinstance(node, ast.Assert)]


def verdict(names: dict, *codes: str) -> str:
    """What the last of these pieces of code says to the others; "" where it is content."""
    try:
        for piece in codes:
            exec(piece, names)
    except AssertionError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("path", notebooks.workshop(), ids=lambda path: path.stem)
def test_every_check_fails_with_its_hint_and_passes_with_the_solution(path, home, capsys):
    cells, names = cells_of(path), {}
    found = {each.exercise: each for each in exercises(cells)}
    wrong = iter(WRONG[path.stem])
    for place, cell in enumerate(cells):
        if cell["cell_type"] != "code" or tagged(cell, "solution") or tagged(cell, "check"):
            continue
        exec(source(cell), names)
        if place not in found:
            continue
        check, solution = source(cells[found[place].check]), source(cells[found[place].solution])
        dots, *hints = said(check)
        assert "three dots" in verdict(names, check) and "three dots" in dots
        answers = next(wrong)
        assert len(answers) == len(hints), f"{path.stem}, cell {cell['id']}: a wrong answer for each assert"
        for answer, hint in zip(answers, hints):
            assert verdict(names, source(cell), answer, check) == hint, answer
        assert verdict(names, source(cell), solution, check) == ""
    assert next(wrong, None) is None


def test_there_are_three_classes_and_the_series_does_not_hold_them():
    classes = notebooks.workshop()
    assert [path.stem for path in classes] == list(WRONG) and not set(classes) & set(notebooks.series())
    assert notebooks.find("1_spell_an_item") == classes[0]
    with pytest.raises(UserError, match="did you mean '1_spell_an_item'"):
        notebooks.find("1_spell_an_itm")


def test_the_teachers_page_has_every_class_and_exercise():
    text = (notebooks.folder() / "workshop" / "README.md").read_text(encoding="utf-8")
    for path in notebooks.workshop():
        title = source(cells_of(path)[0]).splitlines()[0].removeprefix("# ")
        assert f"## {path.stem[0]}. {title}" in text and path.stem in text
        part = text.split(f"## {path.stem[0]}. ")[1].split("\n## ")[0]
        times = [line.split("|")[1].strip() for line in part.splitlines() if line.startswith("| 0:")]
        assert times == sorted(times) and times[0] == "0:00" and times[-1] < "1:00"
        assert all(f"Exercise {n}" in part for n in range(1, len(WRONG[path.stem]) + 1))


@pytest.mark.parametrize("answer, expected, same", [
    (7, 7, True), (8, 7, False), (7.0, 7, True), (0.3333, 1 / 3, True), (0.33, 1 / 3, False), (..., 1, False),
    ("7", 8, False), (None, 0.0, False), (float("nan"), 0.5, False), ([1, 2], [1, 2], True), ([1, 2, 3], [1, 2], False),
    (2001, 2000, False), (1e-12, 0.0, True), ([[1], [2, 3]], [1, 2], False),
])  # fmt: skip
def test_near(answer, expected, same):
    assert near(answer, expected) is same


def test_handout_leaves_the_solutions_out(tmp_path, capsys):
    assert main(["handout", "--out", str(tmp_path / "class")]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"{tmp_path / 'class' / '1_spell_an_item.ipynb'}: 4 exercises"
    assert main(["handout", "--out", str(tmp_path / "class")]) == 0, "writing the same again harms nobody"
    for path in notebooks.workshop():
        whole, copy = cells_of(path), cells_of(tmp_path / "class" / path.name)
        solutions = [source(cell) for cell in whole if tagged(cell, "solution")]
        assert [cell["id"] for cell in copy] == [cell["id"] for cell in whole if not tagged(cell, "solution")]
        text = "\n".join(source(cell) for cell in copy)
        assert solutions and not any(solution in text for solution in solutions)
        checks = [cell for cell in copy if tagged(cell, "check")]
        assert len(checks) == len(solutions) and all(cell["metadata"]["jupyter"]["source_hidden"] for cell in checks)


def asked(hint: str = "<details><summary>Hint</summary>\n\nOne and one.\n\n</details>") -> tuple[dict, ...]:
    """An exercise: its text, and the three cells."""
    return (
        prose(f"Add them.\n\n{hint}"),
        code("two = ...", "exercise"),
        code("two = 1 + 1", "solution"),
        code("assert near(two, 2), 'add one and one'", "check"),
    )


TINY = ("from workbench.notebooks import glue, near", *asked(), prose("Keep it."), "glue(two=2)")


def test_a_copy_stops_at_the_first_exercise_with_its_hint(tmp_path):
    notebooks.handout([save(tmp_path / "tiny.ipynb", *TINY)], tmp_path / "class")
    result = notebooks.run(tmp_path / "class" / "tiny.ipynb", parameters={}, out=tmp_path / "out")
    assert not result.ok and result.cell == 4 and result.error == "AssertionError: add one and one"
    shown = [out for cell in cells_of(result.executed) for out in cell.get("outputs", []) if "traceback" in out]
    assert [out["traceback"] for out in shown] == [["Not yet: add one and one"]], "a traceback would show the answer"
    whole = notebooks.run(tmp_path / "tiny.ipynb", parameters={}, out=tmp_path / "out")
    assert whole.ok, whole.error
    page = report.export(whole.executed).read_text()
    assert all(f"<summary>{tag}" in page for tag in ("Hint", "exercise", "solution", "check"))
    again = notebooks.handout([whole.executed], tmp_path / "again")
    assert list(again.values()) == [1]
    copy = json.loads((tmp_path / "again" / "tiny.ipynb").read_text())
    assert "workbench" not in copy["metadata"] and not any(cell.get("outputs") for cell in copy["cells"])


def test_handout_refuses_and_writes_nothing(tmp_path, capsys):
    tiny, out = save(tmp_path / "tiny.ipynb", *TINY), tmp_path / "class"
    notebooks.handout([tiny], out)
    worked = (out / "tiny.ipynb").read_text().replace("two = ...", "two = 3")
    (out / "tiny.ipynb").write_text(worked)
    empty = save(tmp_path / "empty.ipynb", "1")
    (tmp_path / "broken.ipynb").write_text("{}")
    for given, message in [
        (["--notebooks", str(notebooks.series()[0]), str(tiny), "--out", str(out)], "perhaps somebody's work"),
        (["--notebooks", str(empty), "--out", str(out)], "no exercise"),
        (["--notebooks", str(tmp_path / "broken.ipynb"), "--out", str(out)], "not a readable notebook"),
        (["--notebooks", "1_spell_an_itm", "--out", str(out)], "did you mean '1_spell_an_item'"),
        (["--out", str(notebooks.folder() / "workshop")], "among the notebooks themselves"),
        (["--out", str(tiny)], "is a file"),
    ]:
        assert main(["handout", *given]) in (2, 3) and message in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["tiny.ipynb"] and (out / "tiny.ipynb").read_text() == worked


@pytest.mark.parametrize("cells, problem", [
    ([*TINY[:3], *TINY[4:]], "exercise, solution and check stand together"),
    ([*TINY[:4], *TINY[5:]], "exercise, solution and check stand together"),
    ([*TINY[:2], code("two = 0", "exercise"), *TINY[3:]], "leaves something to fill in"),
    ([*TINY[:3], code("three = 3", "solution"), *TINY[4:]], "its solution does not say two"),
    ([*TINY[:4], code("two == 2", "check"), *TINY[5:]], "a check asserts something"),
    ([*TINY[:4], code("assert two == 2", "check"), *TINY[5:]], "an assert without a message"),
])  # fmt: skip
def test_rules_for_exercises_bite(tmp_path, cells, problem):
    problems = notebooks.lint(save(tmp_path / "nb.ipynb", *cells))
    assert problems and all(problem in found for found in problems)


def test_a_class_has_a_hint_for_each_of_three_to_five_exercises(tmp_path):
    def problems(*cells):
        return notebooks.lint(save(tmp_path / "workshop" / "nb.ipynb", TINY[0], *cells, *TINY[5:]))

    assert problems(*asked(), *asked(), *asked()) == []
    assert problems(*asked()) == ["a class has 3 to 5 exercises; this one has 1"]
    bare = problems(*asked(""), *asked(), *asked("Hint: one and one."))
    assert len(bare) == 2 and all("holds no hint" in problem for problem in bare)
