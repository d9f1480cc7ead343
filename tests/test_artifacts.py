"""Atomic writes: kills, damage, two writers, full and read-only disks."""
import os
import subprocess
import sys

import pytest

from workbench.artifacts import Store, read_manifest, write_folder, write_text
from workbench.errors import UserError
from workbench.places import home


def write(text):
    return lambda folder: (folder / "a.txt").write_text(text)


def test_computed_once_and_explained(tmp_path, caplog):
    store, calls = Store(tmp_path), []

    def make(folder):
        calls.append(1)
        write("x")(folder)

    caplog.set_level("INFO", "workbench")
    first = store.get("stage", {"seed": 0, "data": "d"}, make)
    assert store.get("stage", {"data": "d", "seed": 0}, make) == first and len(calls) == 1
    store.get("stage", {"seed": 1, "data": "d"}, make)
    assert caplog.messages[-1].endswith("changed since the most similar one: seed: 0 -> 1")
    store.get("stage", {"seed": 2, "data": "e"}, make)
    assert "no similar stage" in caplog.messages[-1]


def flip(path):
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("harm", [
    lambda path: flip(path / "a.txt"), lambda path: (path / "a.txt").write_text(""),
    lambda path: (path / "a.txt").unlink(), lambda path: (path / "manifest.json").unlink(),
])
def test_damage_is_found_set_aside_and_mended(tmp_path, harm, caplog):
    path = Store(tmp_path).get("stage", {}, write("good"))
    harm(path)
    assert Store(tmp_path).get("stage", {}, write("good")).joinpath("a.txt").read_text() == "good"
    assert len(list((tmp_path / "quarantine").iterdir())) == 1
    assert sum("quarantine" in message for message in caplog.messages) == 1


def test_a_failing_stage_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError):
        Store(tmp_path).get("stage", {}, _fail)
    assert list((tmp_path / "stage").iterdir()) == []


def _fail(folder):
    (folder / "a.txt").write_text("half")
    raise RuntimeError


def test_two_writers_make_one_good_folder(tmp_path):
    code = ("import sys; from pathlib import Path; from workbench.artifacts import write_folder\n"
            "for n in range(60): write_folder(Path(sys.argv[1]) / str(n), lambda f: (f / 'a').write_text('x' * 50000))")
    pair = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(2)]
    assert [process.wait() for process in pair] == [0, 0]
    assert all(read_manifest(tmp_path / str(n))["files"] for n in range(60))
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_says_so_and_keeps_the_old_file(tmp_path):
    old = tmp_path / "report.html"
    write_text(old, "old")

    def fill(folder):
        with open("/dev/full", "w") as file:
            file.write("x" * 100_000)

    with pytest.raises(UserError, match="disk is full"):
        write_folder(tmp_path / "new", fill)
    assert old.read_text() == "old" and sorted(p.name for p in tmp_path.iterdir()) == ["report.html"]


def test_a_home_that_cannot_be_written(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("WORKBENCH_HOME", str(blocked / "home"))
    with pytest.raises(UserError, match=str(blocked)):
        Store(home()).get("stage", {}, write("x"))


