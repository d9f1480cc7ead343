"""Regression test of the first notebook: nbval reruns the executed golden copy and compares every output that is not
tagged nbval-ignore-output (figures, timings, and outputs of trained networks).

After an intended change of an output, refresh the golden copy with: python tests/test_nbval.py
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "notebooks" / "00_start_here.ipynb"
GOLDEN = Path(__file__).parent / "golden" / NOTEBOOK.name
IGNORED = "nbval-ignore-output"


def sources(path: Path) -> list[str]:
    """The text of every cell."""
    return ["".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]


def reproducible(home: str) -> dict[str, str]:
    """The environment that makes outputs reproducible: one thread, no progress lines, WORKBENCH_HOME set."""
    fixed = {"WORKBENCH_HOME": home, "OMP_NUM_THREADS": "1", "WORKBENCH_PROGRESS": "none"}
    return {name: value for name, value in os.environ.items() if name != "JPY_SESSION_NAME"} | fixed


def replay(path: Path, home: str) -> subprocess.CompletedProcess:
    """nbval on one executed notebook."""
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "--nbval-cell-timeout=180"]
    command += ["-q", "-o", "addopts=", "-p", "no:cacheprovider", str(path)]
    return subprocess.run(command, cwd=ROOT, env=reproducible(home), capture_output=True, text=True, timeout=600)


def test_the_golden_copy_is_of_this_notebook():
    assert sources(GOLDEN) == sources(NOTEBOOK), "the notebook changed; run: python tests/test_nbval.py"


def test_the_golden_copy_replays(home):
    process = replay(GOLDEN, str(home))
    assert process.returncode == 0, process.stdout[-4000:]
    codes = [cell for cell in json.loads(GOLDEN.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert f"{len(codes)} passed" in process.stdout and sum(bool(cell["outputs"]) for cell in codes) >= 3


def test_a_changed_output_fails(home, tmp_path):
    """Of the copy, the cells up to the first one with an output, before anything is trained."""
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    first = next(i for i, cell in enumerate(golden["cells"]) if cell.get("outputs"))
    golden["cells"] = golden["cells"][: first + 1]
    golden["cells"][first]["outputs"][0]["data"]["text/plain"] = ["another text"]
    changed = tmp_path / GOLDEN.name
    changed.write_text(json.dumps(golden), encoding="utf-8")
    process = replay(changed, str(home))
    assert process.returncode == 1 and "1 failed" in process.stdout, process.stdout[-4000:]


def refresh() -> None:
    """Run the notebook in the smoke profile and keep the outputs that nbval compares."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= reproducible(str(Path(folder) / "home"))
        from workbench import notebooks

        result = notebooks.run(NOTEBOOK, parameters={}, out=Path(folder))
        assert result.ok, result.error
        executed = json.loads(result.executed.read_text(encoding="utf-8"))
    executed["metadata"] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["metadata"]
    for cell in executed["cells"]:
        cell["metadata"].pop("workbench", None)
        if IGNORED in cell["metadata"].get("tags", []):
            cell["outputs"] = []
    GOLDEN.write_text(json.dumps(executed, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    refresh()
