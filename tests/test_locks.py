"""Processes that die, and two that do the same: what is half-written goes, what is being written stays."""
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest
from test_interrupt import FIT, stored

from workbench import locks
from workbench.__main__ import main
from workbench.artifacts import Store, read_manifest, write_folder, write_text

HANG = "(folder / 'half').write_text('x' * 1000), print('begun', flush=True), time.sleep(600)"
START = "import sys, time; from pathlib import Path; from workbench.artifacts import Store, write_folder;"
WRITE = f"{START} write_folder(Path(sys.argv[1]), lambda folder: ({HANG}))"
MAKE = f"{START} Store(Path(sys.argv[1])).get('run', {{'system': 'toy'}}, lambda folder: ({HANG}))"


@pytest.fixture
def begun():
    """Start code that hangs in the middle of writing; returns its process. All are ended after the test."""
    processes = []

    def start(code, path):
        process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout.readline() == "begun\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


def write(text):
    return lambda folder: (folder / "a.txt").write_text(text)


@pytest.mark.parametrize("again", [lambda path: write_folder(path / "other", write("x")),
                                   lambda path: write_text(path / "page.html", "x")])  # fmt: skip
def test_the_next_write_sweeps_what_dead_processes_left_and_nothing_of_live_ones(tmp_path, begun, again):
    live, dead = begun(WRITE, tmp_path / "live"), begun(WRITE, tmp_path / "dead")
    dead.kill()
    dead.wait()
    foreign = tmp_path / ".download.part"
    foreign.write_text("of another program")
    assert len(list(tmp_path.glob(".*-*.part"))) == 2
    again(tmp_path)
    assert [path.name[:6] for path in tmp_path.glob(".*-*.part")] == [".live-"] and foreign.exists()
    live.send_signal(signal.SIGTERM)
    live.wait()
    again(tmp_path)
    assert not list(tmp_path.glob(".*-*.part"))


def test_two_writers_replace_each_other_and_the_last_whole_one_stands(tmp_path):
    code = f"{START}\nfor n in range(60): write_folder(Path(sys.argv[1]), replace=True, make=lambda folder: [" \
           "(folder / name).write_text(f'{sys.argv[2]} {n}' * 1000) for name in 'abc'])"
    out = tmp_path / "run"
    pair = [subprocess.Popen([sys.executable, "-c", code, str(out), str(k)]) for k in range(2)]
    assert [process.wait() for process in pair] == [0, 0]
    assert list(tmp_path.iterdir()) == [out] and set(read_manifest(out)["files"]) == set("abc")
    assert len({(out / name).read_text() for name in "abc"}) == 1 and " 59" in (out / "a").read_text()


def test_a_second_process_says_what_it_waits_for(tmp_path, begun):
    """The first hangs, so that the second can only wait; its first line says for whom."""
    first = begun(MAKE, tmp_path)
    second = subprocess.Popen([sys.executable, "-c", MAKE, str(tmp_path)], stderr=subprocess.PIPE, text=True)
    line = second.stderr.readline()
    assert line.startswith("run toy (run/") and f"is being made by process {first.pid} on " in line
    assert " since 2" in line and "waiting for its result" in line
    second.kill()
    second.wait()


def test_a_used_stage_is_marked_and_the_mark_ends_with_its_process(tmp_path):
    code = f"{START} Store(Path(sys.argv[1])).get('stage', {{}}, lambda f: None); print('begun', flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert process.stdout.readline() == "begun\n"
    path = Store(tmp_path).path("stage", {})
    assert locks.in_use(path)
    process.communicate("\n")
    assert not locks.in_use(path) and path.exists()


KILLED = """import os, signal, workbench.train.checkpoint as checkpoint
save = checkpoint.save
def save_and_die(*arguments, **keywords):
    save(*arguments, **keywords)
    os.kill(os.getpid(), signal.SIGKILL)
checkpoint.save = save_and_die
from workbench.__main__ import main; main(sys.argv[2:])"""


def killed_fit(home, *, epochs=3):
    """Fit in a process that is killed at its first checkpoint; returns the arguments of the command."""
    fit = [*FIT[:-3], "width=16", f"epochs={epochs}"]
    environment = {**os.environ, "WORKBENCH_HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", f"{START}\n{KILLED}", "", *fit], env=environment, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert stored(home, "checkpoints") and list((home / "artifacts" / "run").glob(".*.part"))
    return fit


def test_a_killed_fit_is_listed_and_leaves_nothing_once_it_is_completed(tmp_path, monkeypatch, capsys):
    fit = killed_fit(tmp_path)
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    store = Store()
    (checkpoints,) = (store.root / "checkpoints").iterdir()
    assert main(["runs"]) == 0
    text = capsys.readouterr().out
    assert "unfinished, last saved today, " in text and str(checkpoints) in text and "free it: workbench prune" in text
    command = shlex.split(text.partition("go on: ")[2].splitlines()[0])
    free = ["prune", "--kinds", "checkpoints,half-written", "--days", "0"]
    assert main(free) == 0 and main(["prune"]) == 0 and main(["prune", "--yes"]) == 0
    text = capsys.readouterr().out
    assert text.count("would free") == 2 + 1 + 1 + 1 and "--yes deletes them" in text and checkpoints.exists()
    assert not list(tmp_path.rglob("*.part"))  # of a dead process, so of any age
    with locks.exclusive(store.lock("run", checkpoints.name), "a fit"):
        assert main([*free, "--yes"]) == 0 and main(["runs"]) == 0
    assert checkpoints.exists() and "being trained now" in capsys.readouterr().out
    assert command[0] == "workbench" and main(command[1:]) == 0
    assert not list(tmp_path.rglob("*.part")) and not stored(tmp_path, "checkpoints") and stored(tmp_path, "run")
    assert fit[0] == command[1] and main(fit) == 0 and len(list((store.root / "run").iterdir())) == 1


def test_prune_frees_what_is_old_and_nothing_in_use(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    store, long_ago = Store(), time.time() - 40 * 86_400
    old, used, run, new = (
        write_folder(store.path(kind, {"n": n}), write("x" * 2000), {"kind": kind, "inputs": {"n": n}})
        for n, kind in enumerate(["vectors", "vectors", "run", "dataset"])
    )
    locks.mark_used(used)
    for path in (old, used, run):
        os.utime(path, (long_ago, long_ago))
    assert main(["prune"]) == 0
    text = capsys.readouterr().out
    assert "vectors" in text and "oldest used 40 days ago, 1 in use" in text and text.count("would free 2 kB") == 2
    assert main(["prune", "--yes"]) == 0 and not old.exists() and used.exists() and run.exists() and new.exists()
    assert main(["prune", "--yes", "--kinds", "run"]) == 0 and not run.exists() and new.exists()
    assert main(["prune", "--kinds", "runs"]) == 2 and main(["prune", "--days", "-1"]) == 2
    assert "did you mean 'run'?" in capsys.readouterr().err and not list(tmp_path.rglob("*.part"))
