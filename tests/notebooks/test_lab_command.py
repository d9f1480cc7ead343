"""`workbench lab`: a working copy that keeps what somebody edited, and the command that starts JupyterLab."""
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from live_lab import connection

from workbench import notebooks
from workbench.__main__ import main
from workbench.errors import UserError
from workbench.notebooks import lab

FIRST = "00_start_here.ipynb"


@pytest.fixture
def originals(tmp_path, monkeypatch):
    """A folder that stands for the notebooks of the checkout."""
    folder = tmp_path / "originals"
    for name in (FIRST, "01_more.ipynb", "workshop/1_class.ipynb", ".ipynb_checkpoints/00_old.ipynb"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{name}, version 1")
    monkeypatch.setattr(lab, "folder", lambda: folder)
    return folder


def texts(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*.ipynb"))}


def test_a_copy_follows_its_original_until_it_is_edited(originals, tmp_path):
    out = tmp_path / "mine"
    assert lab.working_copy(out) == [] and set(texts(out)) == {FIRST, "01_more.ipynb", "workshop/1_class.ipynb"}
    (out / FIRST).write_text("my answer")
    (out / "own.ipynb").write_text("my notebook")
    assert lab.working_copy(out) == [], "the original is what it was"
    for name in (FIRST, "01_more.ipynb"):
        (originals / name).write_text("version 2")
    for _ in range(2):
        assert lab.working_copy(out) == [FIRST], "said again until it is settled"
    assert texts(out) == {FIRST: "my answer", "01_more.ipynb": "version 2", "own.ipynb": "my notebook",
                          "workshop/1_class.ipynb": "workshop/1_class.ipynb, version 1"}  # fmt: skip
    (out / FIRST).unlink()
    assert lab.working_copy(out) == [] and texts(out)[FIRST] == "version 2"


def test_without_its_record_every_copy_that_differs_is_kept(originals, tmp_path):
    out = tmp_path / "mine"
    lab.working_copy(out)
    (originals / FIRST).write_text("version 2")
    (out / lab.RECORD).write_text("[damaged")
    assert lab.working_copy(out) == [FIRST] and "version 1" in texts(out)[FIRST]


def test_a_checkout_without_notebooks_says_so(originals, tmp_path, monkeypatch):
    monkeypatch.setattr(lab, "folder", lambda: tmp_path / "none")
    with pytest.raises(UserError, match="no notebooks found: run this in a checkout, or name a folder with --folder"):
        lab.working_copy(tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_the_command_opens_the_first_notebook_and_root_stays_on_this_machine(originals, tmp_path):
    start = [sys.executable, "-m", "jupyterlab", str(originals), f"--LabApp.default_url=/lab/tree/{FIRST}"]
    assert lab.lab_command(originals, root=False) == start
    assert lab.lab_command(originals, ("--port", "9999"), root=False) == [*start, "--port", "9999"]
    assert lab.lab_command(originals, root=True) == [*start, "--allow-root", "--ip=127.0.0.1"]
    for chosen in (("--ip=0.0.0.0",), ("--ip", "0.0.0.0", "--allow-root"), ("--ServerApp.allow_root=True",)):
        assert lab.lab_command(originals, chosen, root=True) == [*start, *chosen]
    (tmp_path / "empty").mkdir()
    assert lab.lab_command(tmp_path / "empty", root=False)[-1] == str(tmp_path / "empty")
    (tmp_path / "empty" / "my class.ipynb").touch()
    assert lab.lab_command(tmp_path / "empty", root=False)[-1].endswith("=/lab/tree/my%20class.ipynb")


@pytest.mark.parametrize("arguments, passed", [
    (["lab", "--", "--port", "9999", "--no-browser"], ["--port", "9999", "--no-browser"]),
    (["lab", "--folder", "here", "--", "--folder", "--", "x"], ["--folder", "--", "x"]),
    (["lab", "--folder", "here", "--"], []),
])
def test_what_follows_two_dashes_is_passed_on(tmp_path, home, monkeypatch, capsys, arguments, passed):
    monkeypatch.chdir(tmp_path)
    Path("here").mkdir()
    started = []
    monkeypatch.setattr(os, "execv", lambda program, command: started.append(command))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(arguments) == 0
    folder = ["here"] if "here" in arguments else [str(home / "notebooks"), f"--LabApp.default_url=/lab/tree/{FIRST}"]
    assert started == [[sys.executable, "-m", "jupyterlab", *folder, *passed]]
    assert ("yours to edit" in capsys.readouterr().out) == ("here" not in arguments)


def test_an_option_of_jupyterlab_without_the_dashes_says_where_it_goes(capsys):
    for option in (["--port", "9999"], ["--ip=0.0.0.0"], ["--no-browser"]):
        assert main(["lab", *option]) == 2
        said = capsys.readouterr().err
        assert f"unknown option '{option[0]}'; " in said and "Allowed: --folder." in said
        assert f"Options of JupyterLab come after --: workbench lab -- {' '.join(option)}" in said
    assert main(["datasets", "--", "--port"]) == 2 and "JupyterLab" not in capsys.readouterr().err


def test_it_starts(home, tmp_path):
    """The server is up, on the working copy, with the settings given after the dashes."""
    command = [sys.executable, "-m", "workbench", "lab", "--", "--no-browser", "--port=0", "--IdentityProvider.token=t"]
    places = {f"JUPYTER_{name}": str(tmp_path / name) for name in ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")}
    environment = {**os.environ, **places, "PYTHONPATH": str(Path(notebooks.__file__).parents[2])}
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=log, stderr=log)
    try:
        address, _ = connection(process, tmp_path / "RUNTIME_DIR", tmp_path / "log")
        with urllib.request.urlopen(f"{address}api/contents?token=t") as answer:
            names = {entry["name"] for entry in json.load(answer)["content"]}
        assert {path.name for path in notebooks.series()} <= names and address.startswith("http://")
    finally:
        process.terminate()
        assert process.wait(timeout=30) == 0
    said = (tmp_path / "log").read_text()
    assert f"notebooks: {home / 'notebooks'} (copies" in said and f"/lab/tree/{FIRST}?token=" in said
