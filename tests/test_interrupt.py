"""Ctrl-C on real commands: what was finished is kept, the same command goes on from there, and one line says so."""
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

# a shell's `&` makes what it starts deaf to SIGINT, and a test runner may have been started so
HEARD = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
CODE = f"{HEARD} from workbench.__main__ import main; sys.exit(main(sys.argv[1:]))"
WORLD = ["--dataset", "synthetic", "--profile", "smoke", "--option", "users=300", "items=60"]
FIT = ["fit", "sasrec", *WORLD, "--set", "width=32", "epochs=40", "patience=99"]


@pytest.fixture
def place(tmp_path):
    return {**os.environ, "WORKBENCH_HOME": str(tmp_path / "home"), "WORKBENCH_PROGRESS": "log",
            "TMPDIR": str(tmp_path)}  # fmt: skip


def interrupted(words, env, until, *, within=90):
    """Start a command, send SIGINT to its whole group, as a terminal does, once `until()`; what it said."""
    process = subprocess.Popen([sys.executable, "-c", CODE, *words], env=env, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, start_new_session=True)  # fmt: skip
    deadline = time.monotonic() + within
    while not until() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert process.poll() is None, process.communicate()[0]
    for _ in range(10):  # Python loses one that comes while it collects garbage or imports; a person presses again
        os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=6)
            break
    said = process.communicate()[0]
    assert process.returncode == 130, said
    assert said.splitlines()[-1].startswith("workbench: "), said
    return said


def finished(words, env):
    done = subprocess.run([sys.executable, "-c", CODE, *words], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done


def stored(home, kind):
    return sorted(path for path in (Path(home) / "artifacts" / kind).glob("[!.]*/*"))


def test_a_fit_goes_on_where_it_stopped_to_the_same_weights(place, tmp_path):
    home = place["WORKBENCH_HOME"]
    said = interrupted(FIT, place, lambda: stored(home, "checkpoints"))
    assert "the same call resumes from here" in said.splitlines()[-1] and "Traceback" not in said
    assert stored(home, "checkpoints") and not stored(home, "run")
    finished([*FIT, "--out", str(tmp_path / "resumed")], place)
    finished([*FIT, "--out", str(tmp_path / "whole")], place | {"WORKBENCH_HOME": str(tmp_path / "other")})
    resumed, whole = ((tmp_path / name / "state.safetensors").read_bytes() for name in ("resumed", "whole"))
    assert resumed == whole and not stored(home, "checkpoints")


def test_an_audit_keeps_the_cards_it_has(place, tmp_path):
    page, cards = tmp_path / "out" / "audit.html", Path(place["WORKBENCH_HOME"])
    words = ["audit", "--profile", "smoke", "--out", str(page)]
    said = interrupted(words, place, lambda: stored(cards, "audit"))
    assert "the same command goes on from there" in said.splitlines()[-1] and not page.exists()
    before = {path: path.stat().st_mtime_ns for path in stored(cards, "audit")}
    finished(words, place)
    after = {path: path.stat().st_mtime_ns for path in stored(cards, "audit")}
    assert page.exists() and before and before.items() <= after.items() and len(after) > len(before)


def test_a_report_leaves_its_pages_and_no_kernel(place, tmp_path):
    out, home = tmp_path / "out", place["WORKBENCH_HOME"]
    said = interrupted(["report", *WORLD, "--out", str(out)], place, lambda: stored(home, "run"))
    assert "the same command goes on from there" in said.splitlines()[-1]
    assert list(tmp_path.glob("workbench-kernel-*")) == [] and not kernels(tmp_path)
    about = json.loads((out / "metrics.json").read_text())["notebooks"]
    assert {name: made["error"] for name, made in about.items()} == {"00_start_here": "interrupted"}
    assert "interrupted" in (out / "00_start_here.html").read_text() and (out / "index.html").exists()


def kernels(folder):
    """Processes that were started with a connection file in this folder."""
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    return [line for line in found.splitlines() if str(folder) in line and "ipykernel" in line]
