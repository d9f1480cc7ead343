"""Studies as real processes: two at once on one store, one that is interrupted, and files that cannot be written."""
import json
import subprocess
import sys

import pytest
from test_interrupt import CODE, environment, finished, interrupted, stored  # noqa: F401  a fixture

import workbench as wb
from workbench import systems
from workbench.__main__ import main
from workbench.artifacts import Store, read_manifest, using_store
from workbench.errors import UserError

STUDY = ["study", "bpr_mf", "--profile", "smoke", "--option", "users=120", "items=60", "--seeds", "1", "--set",
         "epochs=2", "width=8"]  # fmt: skip


def test_two_studies_at_once_share_each_training(environment, tmp_path):  # noqa: F811
    """Neither waits for the other to end, and whoever comes second to a run reads it."""
    outs = [tmp_path / f"{n}.json" for n in range(2)]
    pair = [subprocess.Popen([sys.executable, "-c", CODE, *STUDY, "--out", str(out)], env=environment, text=True,
                             stderr=subprocess.PIPE) for out in outs]  # fmt: skip
    logs = [process.communicate()[1] for process in pair]
    assert [process.returncode for process in pair] == [0, 0], logs
    one, two = (json.loads(out.read_text()) for out in outs)
    assert one["rows"] == two["rows"] and one["differences"] == two["differences"]
    runs = sorted(path.parent for path in tmp_path.glob("home/artifacts/run/*/manifest.json"))
    assert len(runs) == len(one["rows"]) and all(read_manifest(run)["kind"] == "run" for run in runs)
    made = [line for log in logs for line in log.splitlines() if line.startswith("run: ")]
    assert len(made) == len(runs), "each was trained once, by one of the two"
    assert not [path for path in tmp_path.rglob("*.part")] and not stored(environment["WORKBENCH_HOME"], "quarantine")


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupted_study_keeps_what_is_finished(environment, tmp_path, jobs):  # noqa: F811
    """Interrupted once a fit is stored; the same command trains the others alone."""
    home, out = environment["WORKBENCH_HOME"], tmp_path / "study.json"
    command = [*STUDY, "--out", str(out), "--jobs", jobs]
    output = interrupted(command, environment, lambda: stored(home, "run"))
    assert "Traceback" not in output and "resume" in output.splitlines()[-1] and not out.exists()
    before = {path: path.stat().st_mtime_ns for path in stored(home, "run") if ".part" not in str(path)}
    finished(command, environment)
    after = {path: path.stat().st_mtime_ns for path in stored(home, "run")}
    assert before and before.items() <= after.items()
    assert json.loads(out.read_text())["rows"].keys() == {"on", *systems.names("baselines")}
    assert not list(tmp_path.rglob("*.part"))


def test_a_file_that_cannot_be_written_is_said_before_training_and_a_missing_folder_is_made(home, tmp_path, capsys):
    (tmp_path / "taken").write_text("a file")
    with using_store(Store(tmp_path / "store")):
        for out, message in {"taken/x.json": "it is a file", "x.txt": "names no file that ends in .json"}.items():
            with pytest.raises(UserError, match=message):
                wb.study(wb.open_bench("synthetic", profile="smoke"), "popularity", out=tmp_path / out)
            assert main(["study", "popularity", "--profile", "smoke", "--out", str(tmp_path / out)]) in (1, 2)
            assert message in capsys.readouterr().err
        assert not (tmp_path / "store" / "run").exists()
        wb.study(wb.open_bench("synthetic", profile="smoke", options={"users": 90}), "popularity", seeds=1,
                 out=tmp_path / "new" / "folder" / "x.json")  # fmt: skip
    assert json.loads((tmp_path / "new" / "folder" / "x.json").read_text())["system"] == "popularity"
