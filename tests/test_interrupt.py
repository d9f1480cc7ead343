"""Ctrl-C on real commands: finished work is kept, the same command resumes it, and the last line says so."""
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from itertools import cycle
from pathlib import Path

import pytest
from canned import save

# a shell ignores SIGINT in what it starts with `&`, which may include the test runner
HANDLER = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
CODE = f"{HANDLER} from workbench.__main__ import main; sys.exit(main())"
WORLD = ["--dataset", "synthetic", "--profile", "smoke", "--option", "users=300", "items=60"]
FIT = ["fit", "sasrec", *WORLD, "--set", "width=32", "epochs=40", "patience=99"]


@pytest.fixture
def environment(tmp_path):
    return {**os.environ, "WORKBENCH_HOME": str(tmp_path / "home"), "WORKBENCH_PROGRESS": "log",
            "TMPDIR": str(tmp_path)}  # fmt: skip


def interrupted(arguments, env, until, *, within=90):
    """Start a command, send SIGINT to its process group, as a terminal does, once `until()` is true; returns output."""
    process = subprocess.Popen([sys.executable, "-c", CODE, *arguments], env=env, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, start_new_session=True)  # fmt: skip
    deadline = time.monotonic() + within
    while not until() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert process.poll() is None, process.communicate()[0]
    for _ in range(10):  # Python can miss a signal during garbage collection or an import
        os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=6)
            break
    output = process.communicate()[0]
    assert process.returncode == 130, output
    assert output.splitlines()[-1].startswith("workbench: "), output
    return output


def finished(arguments, env):
    command = [sys.executable, "-c", CODE, *arguments]
    process = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert process.returncode == 0, process.stderr
    return process


def stored(home, kind):
    return sorted(path for path in (Path(home) / "artifacts").glob(f"{kind}/[!.]*/*"))


@pytest.mark.slow
def test_a_resumed_fit_has_the_same_weights(environment, tmp_path):
    home = environment["WORKBENCH_HOME"]
    output = interrupted(FIT, environment, lambda: stored(home, "checkpoints"))
    assert "the same call resumes from here" in output.splitlines()[-1] and "Traceback" not in output
    assert stored(home, "checkpoints") and not stored(home, "run")
    finished([*FIT, "--out", str(tmp_path / "resumed")], environment)
    finished([*FIT, "--out", str(tmp_path / "direct")], environment | {"WORKBENCH_HOME": str(tmp_path / "other")})
    resumed, direct = ((tmp_path / name / "state.safetensors").read_bytes() for name in ("resumed", "direct"))
    assert resumed == direct and not stored(home, "checkpoints")


@pytest.mark.slow
def test_an_interrupted_audit_keeps_its_cards(environment, tmp_path):
    page, cards = tmp_path / "out" / "audit.html", Path(environment["WORKBENCH_HOME"])
    arguments = ["audit", *WORLD, "--out", str(page)]
    output = interrupted(arguments, environment, lambda: stored(cards, "*-card"))
    assert "the same command resumes from there" in output.splitlines()[-1] and not page.exists()
    before = {path: path.stat().st_mtime_ns for path in stored(cards, "*-card")}
    finished(arguments, environment)
    after = {path: path.stat().st_mtime_ns for path in stored(cards, "*-card")}
    assert page.exists() and before and before.items() <= after.items() and len(after) > len(before)


def test_an_interrupted_report_keeps_its_pages_and_leaves_no_kernel(environment, tmp_path):
    out, home = tmp_path / "out", environment["WORKBENCH_HOME"]
    output = interrupted(["report", *WORLD, "--out", str(out)], environment, lambda: stored(home, "run"))
    assert "the same command resumes from there" in output.splitlines()[-1]
    assert list(tmp_path.glob("workbench-kernel-*")) == [] and not kernels(tmp_path)
    pages = json.loads((out / "metrics.json").read_text())["notebooks"]
    assert {name: page["error"] for name, page in pages.items()} == {"00_start_here": "interrupted"}
    assert "interrupted" in (out / "00_start_here.html").read_text() and (out / "index.html").exists()


def kernels(folder):
    """Processes that were started with a connection file in this folder."""
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    return [line for line in processes.splitlines() if str(folder) in line and "ipykernel" in line]


def started_run(tmp_path, environment, cell):
    """`workbench run` of a notebook that has reached `cell`, as a process of its own group."""
    path = save(tmp_path / "nb.ipynb", "print('reached', file=open('reached', 'w'))", cell)
    process = subprocess.Popen([sys.executable, "-c", CODE, "run", str(path), "--out", str(tmp_path / "out")],
                               env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               start_new_session=True)  # fmt: skip
    while not (tmp_path / "reached").exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    return process


def test_any_number_of_signals_ends_a_run_with_130_and_a_page(environment, tmp_path):
    process = started_run(tmp_path, environment, "while True: pass")
    signals = cycle([signal.SIGTERM, signal.SIGINT])
    while process.poll() is None:  # as fast as they come, also while it tidies up and while the interpreter ends
        process.send_signal(next(signals))
        time.sleep(0.005)
    output = process.communicate()[0]
    assert process.returncode == 130 and "Traceback" not in output, output
    assert output.splitlines()[-1].startswith("workbench: interrupted") and output.count("workbench: ") == 1, output
    assert "interrupted" in (tmp_path / "out" / "nb.html").read_text()
    assert list(tmp_path.glob("workbench-kernel-*")) == [] and not kernels(tmp_path)


def test_any_number_of_signals_ends_a_fit_with_130(environment):
    process = subprocess.Popen([sys.executable, "-c", CODE, *FIT], env=environment, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)  # fmt: skip
    while not stored(environment["WORKBENCH_HOME"], "checkpoints"):
        assert process.poll() is None, process.communicate()[0]
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        time.sleep(0.002)
    output = process.communicate()[0]
    assert process.returncode == 130 and "Traceback" not in output, output
    assert output.splitlines()[-1].startswith("workbench: ") and output.count("workbench: ") == 1, output
