"""The first notebook, replayed: nbval runs the executed golden copy again and compares every output that is not tagged
nbval-ignore-output (figures, timings, and what a trained network says).

After a change that is meant to move an output, refresh the golden copy with: python tests/test_nbval.py
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


def quiet(home: str) -> dict[str, str]:
    """The environment in which outputs are the same everywhere: one thread, no progress lines, a given home."""
    fixed = {"WORKBENCH_HOME": home, "OMP_NUM_THREADS": "1", "WORKBENCH_PROGRESS": "none"}
    return {name: value for name, value in os.environ.items() if name != "JPY_SESSION_NAME"} | fixed


def replay(path: Path, home: str) -> subprocess.CompletedProcess:
    """nbval on one executed notebook."""
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "--nbval-cell-timeout=180"]
    command += ["-q", "-o", "addopts=", "-p", "no:cacheprovider", str(path)]
    return subprocess.run(command, cwd=ROOT, env=quiet(home), capture_output=True, text=True, timeout=600)


def test_the_golden_copy_is_of_this_notebook():
    assert sources(GOLDEN) == sources(NOTEBOOK), "the notebook changed; run: python tests/test_nbval.py"


def test_the_golden_copy_replays(home):
    done = replay(GOLDEN, str(home))
    assert done.returncode == 0, done.stdout[-4000:]
    codes = [cell for cell in json.loads(GOLDEN.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert f"{len(codes)} passed" in done.stdout and sum(bool(cell["outputs"]) for cell in codes) >= 3


def test_a_changed_number_is_noticed(home, tmp_path):
    text = GOLDEN.read_text(encoding="utf-8")
    assert text.count("% of the people\\n") == 1
    changed = tmp_path / GOLDEN.name
    changed.write_text(text.replace("% of the people\\n", "1% of the people\\n"), encoding="utf-8")
    done = replay(changed, str(home))
    assert done.returncode == 1 and "1 failed" in done.stdout, done.stdout[-4000:]


def refresh() -> None:
    """Run the notebook in the smoke profile and keep the outputs that nbval compares."""
    with tempfile.TemporaryDirectory() as aside:
        os.environ |= quiet(str(Path(aside) / "home"))
        from workbench import notebooks

        result = notebooks.run(NOTEBOOK, parameters={}, out=Path(aside))
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
