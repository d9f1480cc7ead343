"""Progress in its display modes: throttled lines in a log, a bar in a terminal, nothing for quick work."""
import ast
import json
import logging
import sys
import time
from pathlib import Path

import pytest
from canned import save

from workbench import notebooks, progress
from workbench.errors import UserError
from workbench.progress import Progress, clear_progress_bar, track


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def work(clock, steps, seconds):
    with Progress("train", steps) as shown:
        for _ in range(steps):
            clock[0] += seconds
            shown.step(note="loss 1.5")


def test_a_log_gets_about_one_line_per_tenth(clock, monkeypatch, capsys):
    monkeypatch.setenv("WORKBENCH_PROGRESS", "log")
    work(clock, 3000, 0.1)
    lines = capsys.readouterr().err.splitlines()
    assert 9 <= len(lines) <= 12
    assert lines[4].startswith("train: ") and "s left" in lines[4] and "loss 1.5" in lines[4]
    assert lines[-1].startswith("train: 3,000/3,000 steps, 300 s")


def test_a_log_reports_slow_steps_and_not_quick_work(clock, monkeypatch, capsys):
    monkeypatch.setenv("WORKBENCH_PROGRESS", "log")
    work(clock, 10, 0.1)
    assert capsys.readouterr().err == ""
    with Progress("read", None, "rows") as shown:
        for _ in range(6):
            clock[0] += 20
            shown.step(1000)
    assert 3 <= len(capsys.readouterr().err.splitlines()) <= 5


def test_a_terminal_gets_one_line(clock, monkeypatch, capsys):
    monkeypatch.setenv("WORKBENCH_PROGRESS", "terminal")
    work(clock, 50, 0.5)
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1 and "[" + "#" * 20 + "]" in shown


def test_steps_of_an_earlier_call_do_not_count_for_the_speed(clock, monkeypatch, capsys):
    monkeypatch.setenv("WORKBENCH_PROGRESS", "log")
    with Progress("train", 1000, done=900) as shown:
        for _ in range(50):
            clock[0] += 2
            shown.step()
    assert "950/1,000 steps, 100 s, about 100 s left" in capsys.readouterr().err


def test_none_is_silent_and_a_wrong_mode_is_an_error(clock, monkeypatch, capsys):
    monkeypatch.setenv("WORKBENCH_PROGRESS", "none")
    work(clock, 50, 1)
    assert list(track(range(3), "x")) == [0, 1, 2] and capsys.readouterr().err == ""
    monkeypatch.setenv("WORKBENCH_PROGRESS", "terminl")
    with pytest.raises(UserError, match="did you mean 'terminal'"):
        Progress("train", 1)


def test_one_long_operation_is_reported(monkeypatch, capsys):
    monkeypatch.setenv("WORKBENCH_PROGRESS", "log")
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.05)
    with Progress("solve"):
        time.sleep(0.3)
    assert capsys.readouterr().err.splitlines() == ["solve, 0 s"]  # once, and not again at its end
    with Progress("solve", quiet=True):
        time.sleep(0.1)
    assert capsys.readouterr().err == ""


def test_a_thread_in_a_kernel_shows_under_the_cell_that_started_it(tmp_path):
    wait = "import time, workbench.progress as p\np.QUIET_SECONDS = .05\nwith p.Progress('solve'): time.sleep(.4)"
    code = ["import os; os.environ['WORKBENCH_PROGRESS'] = 'notebook'", wait, "print('after')"]
    result = notebooks.run(save(tmp_path / "nb.ipynb", *code), parameters={}, out=tmp_path / "out")
    cells = [cell for cell in json.loads(result.executed.read_text())["cells"] if cell["cell_type"] == "code"]
    shown = [out for out in cells[2]["outputs"] if out["output_type"] == "display_data"]
    assert result.ok and len(shown) == 1 and "".join(shown[0]["data"]["text/plain"]).startswith("solve, ")
    assert [out["output_type"] for out in cells[3]["outputs"]] == ["stream"]


def test_failed_work_is_not_shown_as_running(monkeypatch):
    monkeypatch.setenv("WORKBENCH_PROGRESS", "log")
    with pytest.raises(ZeroDivisionError) as error:  # its traceback is kept, as in a notebook
        for number in track([1, 0], "divide"):
            1 / number
    assert error.tb and progress.ACTIVE == []
    for path in Path(progress.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        called = {node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "track"}
        loops = {inner for node in ast.walk(tree) if isinstance(node, ast.For) for inner in ast.walk(node.iter)}
        assert called <= loops, f"{path.name}: use track() directly in a for statement"


def test_nested_counters_share_one_line_of_a_terminal(clock, monkeypatch, capsys):
    monkeypatch.setenv("WORKBENCH_PROGRESS", "terminal")
    monkeypatch.setenv("COLUMNS", "60")
    with Progress("report", 4, "pages") as outer:
        for name in ("a", "b"):
            work(clock, 20, 0.5)
            outer.step(note=name)
        handler = logging.StreamHandler(sys.stderr)
        handler.addFilter(clear_progress_bar)
        handler.emit(logging.makeLogRecord({"msg": "a warning"})) if handler.filter(logging.makeLogRecord({})) else None
    shown = capsys.readouterr().err
    lines = shown.replace("\r\x1b[K", "\r").split("\r")
    assert shown.count("\n") == 2 and shown.endswith("\n")  # of the warning, and the last one
    assert max(len(line.rstrip("\n")) for line in lines) <= 59
    assert any(line.startswith("report: 0/4 pages > [") and "train: " in line for line in lines)
    assert any(line.startswith("report: 1/4 pages, about 3") for line in lines) and "\ra warning\n" in "\r".join(lines)


def test_stored_stages_do_not_count_for_the_estimate(clock):
    with Progress("audit", 10, "cards", stages=True) as shown:
        for seconds in (0.01, 0.01, 0.01, 10, 10):
            clock[0] += seconds
            shown.step()
        assert "5/10 cards, 20 s, about 50 s left" in shown.text()
