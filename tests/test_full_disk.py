"""A full disk: the error names the folder that is full, and a report stops at the first page that does not fit."""
import errno
import resource
import tempfile
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from canned import save
from interruptible import interruptible

from workbench import notebooks
from workbench.__main__ import main
from workbench.errors import UserError
from workbench.experiment import open_bench, reproduce
from workbench.notebooks.run import _execute
from workbench.places import disk_is_full, explain
from workbench.report import series_report

TOUCH = "print('reached', file=open({!r}, 'w'))"
INTERRUPT = "import os, signal, time\nos.kill(os.getppid(), signal.SIGINT)\ntime.sleep(60)"


@contextmanager
def largest_file(size):
    """No file may grow beyond `size` bytes: a page with its style is larger, a notebook is not."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.fixture
def series(tmp_path, monkeypatch):
    """A series of two notebooks, the first with the given cell; the second leaves a mark."""

    def make(cell):
        paths = [save(tmp_path / "00_first.ipynb", cell), save(tmp_path / "01_second.ipynb", TOUCH.format("second"))]
        monkeypatch.setattr(notebooks, "series", lambda: paths)
        return tmp_path / "out"

    return make


def test_a_report_stops_at_the_first_page_that_does_not_fit(series, tmp_path):
    out = series("1 + 1")
    kept = "The report stops here: [01] pages? of it in .*out and all finished stages are kept, and the same command"
    with largest_file(10_000), pytest.raises(UserError, match=f"disk is full at .*out; .* another folder .*{kept}"):
        series_report("synthetic", profile="smoke", out=out)
    assert not (tmp_path / "second").exists() and not (out / "index.html").exists()


@pytest.mark.parametrize("size", [1_000, 10_000])
def test_ctrl_c_on_a_full_disk_is_an_interruption(series, tmp_path, size):
    out = series(INTERRUPT)
    with interruptible(), largest_file(size), pytest.raises(KeyboardInterrupt, match="interrupted; .*disk is full"):
        series_report("synthetic", profile="smoke", out=out)
    assert not (tmp_path / "second").exists()


def test_a_matrix_report_stops_too(home, tmp_path, capsys):
    arguments = ["report", "--datasets", "synthetic", "--systems", "popularity,item_knn", "--option", "users=200"]
    with largest_file(1_000_000):
        assert main([*arguments, "--out", str(tmp_path / "out")]) == 1
    assert "The report stops here: 0 pages of it" in capsys.readouterr().err
    assert not list((tmp_path / "out").rglob("*.*"))


@pytest.mark.parametrize("place, remedy", [
    ("{home}/artifacts/run/1", "at {home}; free some space there or set WORKBENCH_HOME"),
    ("{tmp}/out/index.html", "at {tmp}; free some space there or name another folder with --out"),
    ("{tmp}/workbench-again-1/run/1", "at {tmp}; free some space there or set TMPDIR"),
])  # fmt: skip
def test_the_remedy_fits_the_folder_that_is_full(tmp_path, monkeypatch, place, remedy):
    names = {"home": tmp_path / "home", "tmp": tmp_path / "elsewhere"}
    for folder in names.values():
        folder.mkdir()
    monkeypatch.setenv("WORKBENCH_HOME", str(names["home"]))
    error = explain(OSError(errno.ENOSPC, "full"), Path(place.format(**names)))
    assert remedy.format(**names) in str(error)


def test_a_full_temporary_folder_is_one_error(tmp_path, monkeypatch):
    """Where no usual place for temporary files can be written: of a run that is made again, and of a kernel."""
    run = open_bench("synthetic", profile="smoke", options={"users": 200}).fit("popularity")
    path = save(tmp_path / "one.ipynb", "1 + 1")
    notebook = nbformat.read(path, as_version=4), path
    monkeypatch.setattr(tempfile, "tempdir", None)
    full = "no temporary folder can be written .*: the disk is full or read-only; free some space or set TMPDIR"
    with largest_file(0), pytest.raises(UserError, match=full):
        reproduce(run)
    with largest_file(0), pytest.raises(UserError, match=full):
        raise UserError(_execute(*notebook, timeout=60)[1])


def test_only_a_full_disk_is_one():
    for number, full in ((errno.ENOSPC, True), (errno.EFBIG, True), (errno.ENOENT, False), (errno.EINVAL, False)):
        error = UserError("x")
        error.__cause__ = OSError(number, "x")
        assert disk_is_full(error) is disk_is_full(error.__cause__) is full
    assert not disk_is_full(UserError("x")) and not disk_is_full(ValueError("x"))
