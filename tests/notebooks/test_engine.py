"""The notebook runner on real kernels: exit codes, parameters, no deadlocks, atomic copies, no leftover processes."""
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from queue import Empty

import pytest
from canned import code, prose, save

from workbench import notebooks
from workbench.errors import UserError
from workbench.notebooks.anonymize import anonymizer
from workbench.notebooks.engine import poll_in_slices
from workbench.notebooks.parameters import matches_type, parse_literals

SLOW = os.environ.get("WORKBENCH_SLOW") == "1"


def outputs(executed: Path) -> str:
    return json.dumps([cell.get("outputs") for cell in json.loads(executed.read_text())["cells"]])


def alive(pid: int) -> bool:
    """Whether a process is running; a zombie is not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
    return bool(state.strip()) and "Z" not in state


def test_a_good_run(tmp_path, capfd):
    cells = [
        "import os, sys\nprint(name, seed, ratio, fast, extra)",
        "print([os.environ.get(k) for k in ('WORKBENCH_PROGRESS', 'OMP_NUM_THREADS', 'JPY_SESSION_NAME')])",
        f"print(sys.executable == {sys.executable!r}, {str(Path.home())!r} + '/secret', {os.getcwd()!r})",
        "from workbench.notebooks import glue\nimport numpy as np\n"
        "glue(ndcg=np.float32(0.5), counts={'a': np.int64(3)}, gap=float('nan'))",
    ]
    path = save(tmp_path / "00_good.ipynb", *cells)
    before = path.read_bytes()
    parameters = {"name": "it's \"b\"", "ratio": 1, "extra": [1, None]}
    result = notebooks.run(path, parameters=parameters, out=tmp_path / "out")
    assert result[:3] == ("00_good", True, 0) and result.seconds > 0
    assert result[4:] == (tmp_path / "out" / "00_good.ipynb", None, "", None)
    text = outputs(result.executed)
    assert "it's \\\"b\\\" 0 1 True [1, None]" in text
    assert f"['log', '{os.environ['OMP_NUM_THREADS']}', None]" in text
    assert str(Path.home()) not in text and os.getcwd() not in text and "True ~/secret" in text
    assert notebooks.glued(result.executed) == {"ndcg": 0.5, "counts": {"a": 3}, "gap": None}
    stored = json.loads(result.executed.read_text())
    info = stored["metadata"]["workbench"]
    assert info["parameters"] == {"name": "it's \"b\"", "seed": 0, "ratio": 1, "fast": True, "extra": [1, None]}
    assert info["versions"]["torch"] and info["code"] == 0
    seconds = [cell["metadata"]["workbench"]["seconds"] for cell in stored["cells"] if cell["cell_type"] == "code"]
    assert len(seconds) == 6 and 0 < sum(seconds) <= result.seconds
    assert "papermill" not in json.dumps(stored["metadata"]) and path.read_bytes() == before
    noise = capfd.readouterr()
    assert "over TCP" not in noise.out + noise.err and "frozen" not in noise.err
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["00_good.ipynb"]


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"sed": 1}, "did you mean 'seed'"),
        ({"seed": "1"}, "takes int, such as 0; given '1', which is str"),
        ({"seed": True}, "takes int"),
        ({"fast": 1}, "takes bool"),
        ({"name": None}, "takes str"),
        ({"extra": object()}, "takes a literal"),
        ({"ratio": float("nan")}, "takes float"),
    ],
)
def test_wrong_parameters_fail_before_a_kernel_starts(tmp_path, parameters, message, monkeypatch):
    path = save(tmp_path / "nb.ipynb", "1")
    monkeypatch.setitem(sys.modules, "workbench.notebooks.engine", None)  # importing it would fail
    with pytest.raises(UserError, match=".*") as caught:
        notebooks.run(path, parameters=parameters, out=tmp_path / "out")
    assert message in str(caught.value) and caught.value.code == 2
    assert not (tmp_path / "out").exists()


def test_parameters_are_literals():
    assert parse_literals("a = b = -1\nc: list = [1, 'x']") == {"a": -1, "b": -1, "c": [1, "x"]}
    for bad in ("a = f(1)", "a = b", "import os", "a += 1", "a: int", "x.y = 1"):
        with pytest.raises(ValueError):
            parse_literals(bad)
    assert matches_type(3, 0.5) and matches_type({"a": 1}, None)
    assert not matches_type(0.5, 3) and not matches_type((1,), [1])


def test_a_missing_notebook_and_an_output_that_would_overwrite_it(tmp_path):
    with pytest.raises(UserError, match="no such notebook"):
        notebooks.run(tmp_path / "absent.ipynb", parameters={}, out=tmp_path / "out")
    (tmp_path / "bad.ipynb").write_text("{")
    with pytest.raises(UserError, match="not a readable notebook"):
        notebooks.run(tmp_path / "bad.ipynb", parameters={}, out=tmp_path / "out")
    path = save(tmp_path / "nb.ipynb", "1")
    with pytest.raises(UserError, match="choose another folder"):
        notebooks.run(path, parameters={}, out=tmp_path)


@pytest.mark.parametrize(
    "source, code_, message, timeout",
    [
        ("raise ValueError('no <b>item</b>')", 1, "ValueError: no <b>item</b>", 300),
        ("import sys; sys.exit(0)", 1, "SystemExit", 300),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 138, "kernel died", 300),
        ("import os; os._exit(0)", 138, "kernel died", 300),
        ("import time\ntime.sleep(300)\nopen('woken', 'w')", 124, "longer than 5 s", 5),
    ],
)
def test_exit_codes(tmp_path, source, code_, message, timeout):
    """A time-out ends a cell long before it is done; a kernel that dies is noticed, where a time-out would be 124."""
    path = save(tmp_path / "nb.ipynb", "print('reached')", source, "print('never')")
    result = notebooks.run(path, parameters={}, out=tmp_path / "out", timeout=timeout)
    assert (result.ok, result.code, result.cell) == (False, code_, 3) and message in result.error
    assert not (tmp_path / "woken").exists()
    stored = json.loads(result.executed.read_text())
    assert "reached" in outputs(result.executed) and stored["metadata"]["workbench"]["code"] == code_
    assert stored["cells"][-1]["outputs"] == [] and stored["cells"][-1]["execution_count"] is None


def test_an_exit_in_the_last_cell_is_a_failure(tmp_path):
    """The reply of the cell says ok; only the probe after the last cell shows that the kernel is dead."""
    path = save(tmp_path / "nb.ipynb", "import threading, os, time\nthreading.Timer(0.0, os._exit, [0]).start()")
    result = notebooks.run(path, parameters={}, out=tmp_path / "out")
    assert result.code == 138 and not result.ok


def test_a_full_disk_keeps_the_old_copy(tmp_path, monkeypatch):
    path = save(tmp_path / "nb.ipynb", "1 + 1")
    old = notebooks.run(path, parameters={}, out=tmp_path / "out").executed
    before = old.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="disk is full"):
        notebooks.run(path, parameters={"seed": 1}, out=tmp_path / "out")
    assert old.read_bytes() == before and [p.name for p in (tmp_path / "out").iterdir()] == ["nb.ipynb"]


def test_interrupt_leaves_a_partial_copy_and_no_kernel(tmp_path):
    tell = "import os\nwith open('new', 'w') as file:\n    file.write(str(os.getpid()))\nos.rename('new', 'pid')"
    path = save(tmp_path / "nb.ipynb", "1", f"{tell}\nwhile True: pass")
    # a shell ignores SIGINT in what it starts with `&`, and the child inherits that
    handler = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    call = f"from workbench import notebooks as n; exit(n.run({str(path)!r}, parameters={{}}, out='out').code)"
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-c", f"{handler}; {call}"], cwd=tmp_path, env=env)
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and not (tmp_path / "pid").exists():
        time.sleep(0.1)
    kernel = int((tmp_path / "pid").read_text())
    assert alive(kernel)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=300) == 130
    assert not alive(kernel)
    info = json.loads((tmp_path / "out" / "nb.ipynb").read_text())["metadata"]["workbench"]
    assert (info["code"], info["error"], info["cell"]) == (130, "interrupted", 3)
    assert list(tmp_path.glob("workbench-kernel-*")) == []


@pytest.mark.parametrize("round_", range(10 if SLOW else 2))
def test_output_widgets_never_hang(tmp_path, round_):
    """papermill's own engine hangs here in most runs on a busy machine; see the docstring of `engine`. A message that
    is missed costs a time-out, of a minute or more; a cell takes a second at most."""
    cell = "with W.Output() as box:\n    print('inside')\nbox"
    path = save(tmp_path / "nb.ipynb", "import ipywidgets as W", *[cell] * 15)
    result = notebooks.run(path, parameters={}, out=tmp_path / "out", timeout=120)
    stored = json.loads(result.executed.read_text())
    seconds = [cell["metadata"]["workbench"]["seconds"] for cell in stored["cells"] if cell["cell_type"] == "code"]
    assert result.ok and len(seconds) == 17 and max(seconds) < 45
    assert json.dumps(stored["metadata"]["widgets"]).count("inside") == 15


def test_a_lost_wake_up_delays_a_reply_by_one_poll():
    timeouts = []

    async def missing_wake_up(timeout: float) -> dict:
        """Never wakes while it waits; returns the message at the third poll."""
        timeouts.append(timeout)
        if len(timeouts) < 3:
            await asyncio.sleep(timeout)
            raise Empty
        return {"reply": True}

    assert asyncio.run(poll_in_slices(missing_wake_up)(timeout=60)) == {"reply": True}
    assert len(timeouts) == 3 and max(timeouts) <= 0.25, "it waits no longer than its polls"
    timeouts[:] = []
    with pytest.raises(Empty):
        asyncio.run(poll_in_slices(missing_wake_up)(timeout=0.3))


def test_papermill_knows_the_engine(tmp_path):
    import papermill

    import workbench.notebooks.engine  # noqa: F401  registers itself

    path = save(tmp_path / "nb.ipynb", "print(seed + 1)")
    names = {"engine_name": "workbench", "kernel_name": "python3", "language": "python"}
    papermill.execute_notebook(path, tmp_path / "done.ipynb", {"seed": 41}, progress_bar=False, **names)
    assert "42" in outputs(tmp_path / "done.ipynb")


def test_anonymizing_keeps_words_that_are_not_paths(tmp_path):
    home = str(Path.home())
    anonymize = anonymizer({str(tmp_path): "HERE"})
    assert anonymize(f"{home}/a {home}x x{home} \x1b[31mred\x1b[0m {tmp_path}/b") == f"~/a {home}x x{home} red HERE/b"
    assert anonymize({"a": [f"file://{home}/x", 3, None]}) == {"a": ["file://~/x", 3, None]}
    assert anonymize("/tmp/ipykernel_12/345.py:3: UserWarning") == "cell:3: UserWarning"


def test_series_is_sorted_and_of_the_checkout():
    root = Path(notebooks.__file__).parents[2] / "notebooks"
    assert notebooks.series() == sorted(p for p in root.glob("*.ipynb") if p.name[:2].isdigit())


def test_a_notebook_is_found_by_path_or_name(tmp_path, monkeypatch):
    path = save(tmp_path / "01_explore.ipynb", "1")
    monkeypatch.setattr(notebooks.discovery, "folder", lambda: tmp_path)
    assert notebooks.find(path) == path and notebooks.find("01_explore") == path
    with pytest.raises(UserError, match="did you mean '01_explore'"):
        notebooks.find("01_explor")
    with pytest.raises(UserError, match="no such notebook"):
        notebooks.find("elsewhere/01_explore.ipynb")


def test_glue_rejects_other_types():
    with pytest.raises(UserError, match="glue: model is object"):
        notebooks.glue(model=object())


def test_cells_and_tags_survive(tmp_path):
    path = save(tmp_path / "nb.ipynb", prose("## A section"), code("answer = 1", "exercise"), "answer")
    stored = json.loads(notebooks.run(path, parameters={}, out=tmp_path / "out").executed.read_text())
    assert [cell["id"] for cell in stored["cells"]] == [cell["id"] for cell in json.loads(path.read_text())["cells"]]
    assert stored["cells"][3]["metadata"]["tags"] == ["exercise"]
