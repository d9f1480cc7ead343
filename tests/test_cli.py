"""The command line; in a separate process where imports and exit codes matter."""
import json
import os
import subprocess
import sys

import pandas as pd
import pytest

from workbench.__main__ import COMMANDS, main


def workbench(*arguments, env=None):
    command = [sys.executable, "-m", "workbench", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(env or {})}, timeout=120)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["fit", "--help"], ["systems"], ["datasets"]])
def test_help_and_listings_import_neither_torch_nor_pandas(arguments):
    code = f"import sys; from workbench.__main__ import main\ntry: main({arguments!r})\nexcept SystemExit: pass\n"
    code += "assert not {'torch', 'pandas'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_a_reader_that_has_enough_ends_a_listing_quietly():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-m", "workbench", "datasets"], stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_listings_have_descriptions():
    systems, datasets = workbench("systems").stdout, workbench("datasets").stdout
    assert "sasrec" in systems and "baselines: " in systems and "beauty " in datasets
    assert all(len(line.split("  ", 1)[1]) > 10 for line in (systems + datasets).splitlines())


@pytest.mark.parametrize("arguments, message", [
    (["fitt"], "did you mean 'fit'"),
    (["fit", "sasrek"], "did you mean 'sasrec'"),
    (["fit", "sasrec", "--dataste", "beauty"], "did you mean '--dataset'"),
    (["fit", "sasrec", "--set", "widht=3"], "did you mean 'width'"),
    (["fit", "sasrec", "--set", "width"], "name=value"),
    (["fit", "sasrec", "--profile", "smok"], "did you mean 'smoke'"),
    (["fit"], "required"),
    (["report", "--dataset", "sinthetic"], "did you mean 'synthetic'"),
    (["report", "--system", "sasrek"], "did you mean 'sasrec'"),
    (["report", "--system", "popularity"], "no network to probe"),
    (["audit", "--tune", "maybe"], "unknown value 'maybe'; Allowed: false, true"),
    (["systems", "--family", "baseline"], "did you mean 'baselines'"),
    (["report", "--timeout", "0"], "at least 1, not 0"),
    (["probe", "/nowhere"], "is not a run"),
    (["run", "01_explore_datasets"], "did you mean '01_explore_dataset'"),
    (["predict", "/nowhere"], "is not a run"),
    (["fit", "popularity", "--out", __file__], "is not a run"),
])
def test_wrong_arguments_exit_2_with_a_suggestion(arguments, message, capsys):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("arguments, message", [
    (["report", "--path", "x.csv"], "report has no option --path: write --option path=x.csv"),
    (["report", "--time_format=%d.%m.%Y"], "--option time_format=%d.%m.%Y"),
    (["audit", "--item", "movieId"], "--option item=movieId"),
    (["fit", "sasrec", "--epochs", "3"], "fit has no option --epochs: write --set epochs=3"),
    (["fit", "sasrec", "--width", "--seed", "1"], "--set width=VALUE"),
    (["fit", "sasrec", "--split", "random"], "--protocol split=random"),
    (["report", "--epochs", "3"], "unknown option '--epochs'; "),
    (["fit", "--system", "sasrec"], "it is given without a name, workbench fit SYSTEM"),
    (["fit", "sasrec", "office"], "fit does not take 'office' without the name of an option; options: --dataset, "),
])  # fmt: skip
def test_an_option_that_is_written_as_a_pair_says_how(arguments, message, capsys):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_fit_predict_score_runs(home, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["fit", "item_transitions", "--dataset", "synthetic", "--profile", "smoke", "--seed", "3",
                 "--option", "users=200", "--set", "window=3", "--out", str(out)]) == 0
    stored = json.loads((out / "metrics.json").read_text())
    assert stored["settings"]["window"] == 3 and stored["seed"] == 3 and "ndcg@10" in stored["metrics"]
    capsys.readouterr()

    assert main(["predict", str(out), "--k", "20"]) == 0
    table = pd.read_csv(pd.io.common.StringIO(capsys.readouterr().out), dtype=str)
    assert list(table.columns) == ["user", "rank", "item", "title", "score"] and len(table) == 60
    user = table["user"][0]
    assert main(["predict", str(out), "--users", user]) == 0
    assert capsys.readouterr().out.splitlines()[1].split(",")[2] == table["item"][0]
    assert main(["predict", str(out), "--users", user + "x"]) == 2
    assert f"did you mean '{user}'? There are 200, such as" in capsys.readouterr().err
    assert main(["predict", str(out), "--users", user, "--history", table["item"][0]]) == 2
    assert "exclude each other" in capsys.readouterr().err

    assert main(["runs", "--compare", str(out), str(out)]) == 0
    assert "item_transitions" in capsys.readouterr().out


def test_probe_writes_one_page(home, tmp_path, capsys):
    out, page = tmp_path / "run", tmp_path / "latents.html"
    assert main(["fit", "sasrec", "--dataset", "synthetic", "--profile", "smoke", "--option", "users=300", "items=60",
                 "--set", "epochs=2", "width=32", "--out", str(out)]) == 0
    assert main(["probe", str(out), "--seeds", "1", "--latents", "5", "--k", "4", "--out", str(page)]) == 0
    text = page.read_text()
    assert text.startswith("<!doctype html>") and "blocks.0.out" in text and "best rival" in text
    assert main(["probe", str(out), "--path", "blocks.0.outt", "--out", str(page)]) == 2
    assert "did you mean 'blocks.0.out'" in capsys.readouterr().err and page.read_text() == text


def test_file_options_become_absolute_paths(tmp_path, monkeypatch):
    from workbench.data import datasets

    (tmp_path / "log.csv").write_text("user,item\n")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "user").write_text("")  # a column may have the name of a file
    assert datasets.resolve_paths({"path": "log.csv", "user": "user", "users": 3}) == {
        "path": str(tmp_path / "log.csv"), "user": "user", "users": 3}


@pytest.mark.parametrize("arguments", [["report"], ["run", "01_explore_dataset"],
                                   ["report", "--datasets", "synthetic", "--systems", "popularity"]])  # fmt: skip
def test_an_unwritable_output_folder_is_an_error_before_any_work(tmp_path, arguments, capsys):
    for out, why in ((tmp_path / "file", "it is a file"), (tmp_path / "file" / "deeper", "Not a directory")):
        (tmp_path / "file").write_text("kept")
        assert main([*arguments, "--out", str(out)]) == 1
        assert f"{why}; choose another folder with --out" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "kept"


def test_every_command_has_a_docstring():
    assert set(COMMANDS) >= {"report", "run", "fit", "predict", "probe", "score", "runs", "systems", "datasets", "lab"}
    assert all(function.__doc__ for function in COMMANDS.values())


@pytest.mark.parametrize("text, message", [
    ("userId,movieId,timestamp\n1,1,1\n", "Suggested options: user=userId item=movieId timestamp=timestamp"),
    ("user,item,timestamp\n1,1,yesterday\n", "line 2, column 'timestamp': 'yesterday' is not a time"),
    ("user,item,timestamp\n1,1,1\n2,2,2\n", "a test user needs 3 events"),
    ("user,item,timestamp\n" + "".join(f"{n // 4},1,{n}\n" for n in range(20)), "only 1 item, but a report needs"),
    ("user,item,timestamp\n" + "".join(f"{n // 4},{n % 7},{n}\n" for n in range(28)), "only 7 items, but a report"),
    ("", "empty"),
    ("user,item,timestamp\n", "the file has column names but no rows"),
])
def test_a_report_on_a_bad_log_is_an_error_before_the_notebooks(home, tmp_path, capsys, text, message):
    (tmp_path / "log.csv").write_text(text)
    assert main(["report", "--dataset", "csv", "--option", f"path={tmp_path / 'log.csv'}", "--out",
                 str(tmp_path / "out")]) in (2, 3)
    assert message in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_pipe_that_breaks_elsewhere_is_no_quiet_end(monkeypatch):
    def broken():
        """Fail."""
        raise BrokenPipeError("of a worker")

    monkeypatch.setitem(COMMANDS, "datasets", broken)
    with pytest.raises(BrokenPipeError, match="of a worker"):
        main(["datasets"])
