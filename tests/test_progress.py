"""Three faces of one call: throttled lines in a log, a bar in a terminal, nothing for what is quick."""
import pytest

from workbench import progress
from workbench.errors import UserError
from workbench.progress import Progress, track


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


def test_a_log_gets_about_a_line_a_tenth(clock, monkeypatch, capsys):
    monkeypatch.setenv("WORKBENCH_PROGRESS", "log")
    work(clock, 3000, 0.1)
    lines = capsys.readouterr().err.splitlines()
    assert 9 <= len(lines) <= 12
    assert lines[4].startswith("train: ") and "s left" in lines[4] and "loss 1.5" in lines[4]
    assert lines[-1].startswith("train: 3,000/3,000 steps, 300 s")


def test_a_log_hears_from_slow_steps_and_not_from_quick_work(clock, monkeypatch, capsys):
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


def test_what_an_earlier_call_did_does_not_make_this_one_look_fast(clock, monkeypatch, capsys):
    monkeypatch.setenv("WORKBENCH_PROGRESS", "log")
    with Progress("train", 1000, done=900) as shown:
        for _ in range(50):
            clock[0] += 2
            shown.step()
    assert "950/1,000 steps, 100 s, about 100 s left" in capsys.readouterr().err


def test_none_is_silent_and_a_wrong_face_is_named(clock, monkeypatch, capsys):
    monkeypatch.setenv("WORKBENCH_PROGRESS", "none")
    work(clock, 50, 1)
    assert list(track(range(3), "x")) == [0, 1, 2] and capsys.readouterr().err == ""
    monkeypatch.setenv("WORKBENCH_PROGRESS", "terminl")
    with pytest.raises(UserError, match="did you mean 'terminal'"):
        Progress("train", 1)
