"""pyproject.toml, constraints.txt, environment.yml, the Makefile and .ci/run agree."""
import os
import re
import shutil
import subprocess
import tomllib
from itertools import chain
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
DIRECT = {line: Requirement(line) for line in [*PROJECT["dependencies"], *chain(*EXTRAS.values())]}
MAKEFILE = (ROOT / "Makefile").read_text()


def pins() -> list[Requirement]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("requirement", DIRECT.values(), ids=lambda r: r.name)
def test_every_direct_dependency_has_one_pin_in_its_range(requirement):
    matching = [pin for pin in pins() if canonicalize_name(pin.name) == canonicalize_name(requirement.name)]
    assert len(matching) == 1 and matching[0].marker is None, f"run `make lock`: {matching}"
    (pin,) = matching[0].specifier
    assert pin.operator == "==" and requirement.specifier.contains(pin.version)


def test_constraints_are_exact_and_name_no_build():
    names = [canonicalize_name(pin.name) for pin in pins()]
    assert len(names) == len(set(names))
    for pin in pins():
        (specifier,) = pin.specifier
        assert specifier.operator == "==" and "+" not in specifier.version and pin.url is None
    assert [str(pin) for pin in pins() if pin.name == "torch"] == ["torch==2.13.0"]
    assert re.search(r"^TORCH +:= 2\.13\.0$", MAKEFILE, re.M)


def test_constraints_leave_gpu_packages_to_torch():
    assert not [pin.name for pin in pins() if pin.name.startswith(("nvidia", "cuda", "triton"))]


def test_python_range_agrees():
    allowed = SpecifierSet(PROJECT["requires-python"])
    supported = [f"3.{minor}" for minor in range(30) if allowed.contains(f"3.{minor}")]
    assert supported == ["3.11", "3.12", "3.13"]
    assert "(3, 11) <= sys.version_info[:2] < (3, 14)" in MAKEFILE
    assert "Python 3.11 to 3.13" in (ROOT / "README.md").read_text()


def test_conda_environment_is_the_same_list():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *conda, block = environment["dependencies"]
    assert [Requirement(line.replace("=", "==", 1)).name for line in conda if "=" in line] == ["python"]
    assert "pip" in conda
    assert block == {"pip": ["--constraint constraints.txt", "-e .[dev,cluster]"]}
    (version,) = [line.removeprefix("python=") for line in conda if line.startswith("python=")]
    assert SpecifierSet(PROJECT["requires-python"]).contains(version)


def test_ci_calls_make_test_and_needs_the_data(tmp_path):
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK) and re.search(r"^exec make test$", script.read_text(), re.M)
    (tmp_path / "checkout" / ".ci").mkdir(parents=True)
    (extras,) = re.findall(r"^export EXTRAS=(\S+)", script.read_text(), re.M)
    assert set(extras.split(",")) == set(EXTRAS), "every extra is tested"
    copy = shutil.copy(script, tmp_path / "checkout" / ".ci" / "run")
    environment = {name: value for name, value in os.environ.items() if name != "WORKBENCH_DATA"}
    for extra in ({}, {"WORKBENCH_DATA": str(tmp_path / "nowhere")}):
        process = subprocess.run([copy], env=environment | extra, capture_output=True, text=True)
        assert process.returncode == 1
        assert process.stderr.startswith("No real data") and "WORKBENCH_DATA" in process.stderr


def fake_python(folder: Path, body: str) -> Path:
    """A fake interpreter: a shell script with this body."""
    path = folder / "python-fake"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def make(python: Path, venv: Path, *settings: str) -> subprocess.CompletedProcess:
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "setup", f"PYTHON={python}", f"VENV={venv}", *settings]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('[ "$1" = --version ] && echo Python 3.9.6; exit 1', "Python 3.9.6"),
        ('case "$2" in *ensurepip*) exit 1;; esac; exit 0', "no venv module"),
    ],
)
def test_make_explains_an_unsuitable_interpreter(tmp_path, body, message):
    process = make(fake_python(tmp_path, body), tmp_path / "venv")
    assert process.returncode == 2 and message in process.stderr and not (tmp_path / "venv").exists()


def test_make_explains_a_missing_interpreter(tmp_path):
    process = make(tmp_path / "absent", tmp_path / "venv")
    assert process.returncode == 2 and "There is no" in process.stderr and "PYTHON=" in process.stderr


def test_an_interrupted_install_does_not_count_as_finished(tmp_path):
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "ready").touch()
    os.utime(venv / "ready", (0, 0))  # from before the constraints changed
    broken = fake_python(venv / "bin", 'case "$*" in *install*) exit 9;; esac; exit 0')
    broken.rename(venv / "bin" / "python")
    process = make(fake_python(tmp_path, "exit 0"), venv)
    assert process.returncode == 2 and "pip install" in process.stdout and not (venv / "ready").exists()


@pytest.mark.parametrize("extras, installed", [("dev,cluster", 0), ("dev", 0), ("dev,text", 1)])
def test_an_extra_is_added_to_what_is_installed(tmp_path, extras, installed):
    """A stamp that is newer than the lock and names the extras: only one that it lacks is installed."""
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    fake_python(venv / "bin", f'echo "$*" >> {tmp_path}/calls').rename(venv / "bin" / "python")
    (venv / "ready").write_text("dev cluster\n")
    process = make(fake_python(tmp_path, "exit 0"), venv, f"EXTRAS={extras}")
    assert process.returncode == 0, process.stderr
    calls = (tmp_path / "calls").read_text() if installed else ""
    assert calls.count(f".[{extras}]") == installed and (venv / "ready").exists()
    again = make(fake_python(tmp_path, "exit 0"), venv, f"EXTRAS={extras}")
    assert again.returncode == 0 and calls == ((tmp_path / "calls").read_text() if installed else "")
