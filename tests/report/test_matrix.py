"""Matrix reports: a page per cell, failures shown in their cells, stored runs reused, and nothing that can run."""
import json

import numpy as np
import pytest
from html_document import inert

from workbench import report
from workbench.__main__ import main
from workbench.artifacts import Store, using_store
from workbench.errors import UserError
from workbench.experiment import run_plan
from workbench.experiment.study import fits
from workbench.report import outcome
from workbench.systems import names

WORLDS, SYSTEMS, SMALL = ["synthetic", "synthetic-null"], ["item_knn", "bpr_mf"], {"users": 150, "items": 60}


@pytest.fixture(scope="module")
def broken(home, tmp_path_factory):
    """A matrix in which one system fails on one dataset, and the folder of its pages."""
    out, real = tmp_path_factory.mktemp("matrix"), run_plan.train_run

    def train(bench, inputs, *rest, **options):
        if (bench.name, inputs["system"]) == ("synthetic-null", "bpr_mf"):
            raise RuntimeError("no <i>room</i>")
        return real(bench, inputs, *rest, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_plan, "train_run", train)
        failed = report.matrix_report(WORLDS, SYSTEMS, profile="smoke", options=SMALL, out=out)
    return failed, out


def test_a_failed_cell_stops_no_other(broken):
    failed, out = broken
    assert [(cell.name, cell.code) for cell in failed] == [("bpr_mf on synthetic-null", 1)]
    text = (out / "index.html").read_text()
    document = inert(text)
    links = {attributes["href"] for tag, attributes in document.tags if tag == "a"}
    assert links == {f"{world}/{system}.html" for world in WORLDS for system in SYSTEMS}
    assert all((out / link).is_file() for link in links)
    assert text.count("RuntimeError: no &lt;i&gt;room&lt;/i&gt;") == 1 and "3 of 4" in text and "FAILED" in text
    assert text.count('<img class="thumb"') == 3
    page = (out / "synthetic-null" / "bpr_mf.html").read_text()
    inert(page)
    assert "FAILED" in page and "Only the baselines" in page and "traceback" in page and "item_transitions" in page


def test_a_page_shows_parameters_and_results(broken):
    out = broken[1]
    stored = json.loads((out / "metrics.json").read_text())
    cell = next(c for c in stored["cells"] if (c["dataset"], c["system"]) == ("synthetic", "bpr_mf"))
    assert stored["versions"]["torch"] and cell["ok"] and {"popularity", "ease", "bpr_mf"} <= set(cell["metrics"])
    page = (out / "synthetic" / "bpr_mf.html").read_text()
    document = inert(page)
    value = cell["metrics"]["bpr_mf"]["ndcg@10"]
    assert cell["data_hash"] in page and "users=150" in page and f'data-value="{value}"' in page
    assert len([kind for kind, _ in document.scripts if kind == "application/json"]) >= 4 and len(page) < 8e6
    links = {a["href"] for tag, a in document.tags if tag == "a" and not a["href"].startswith("#")}
    assert links == {"../index.html", "item_knn.html", "../synthetic-null/bpr_mf.html"}
    anchors = {a["href"][1:] for tag, a in document.tags if tag == "a" and a["href"].startswith("#")}
    assert anchors and anchors <= {a.get("id") for _, a in document.tags}


def test_stored_runs_are_not_trained_again(broken, tmp_path, monkeypatch):
    trained, real = [], run_plan.train_run
    monkeypatch.setattr(run_plan, "train_run", lambda bench, inputs, *rest, **options: (
        trained.append((bench.name, inputs["system"])), real(bench, inputs, *rest, **options)))  # fmt: skip
    assert report.matrix_report(WORLDS, SYSTEMS, profile="smoke", options=SMALL, out=tmp_path) == []
    assert trained == [("synthetic-null", "bpr_mf")]
    before = json.loads((broken[1] / "metrics.json").read_text())["cells"]
    after = json.loads((tmp_path / "metrics.json").read_text())["cells"]
    assert [cell["metrics"] for cell in after[:3]] == [cell["metrics"] for cell in before[:3]]


def test_an_interrupted_matrix_shows_the_cells_so_far(home, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(run_plan, "train_run", stop)
    failed = report.matrix_report(["synthetic-chain"], SYSTEMS, profile="smoke", options=SMALL, out=tmp_path)
    assert [cell.code for cell in failed] == [130, -1]
    text = (tmp_path / "index.html").read_text()
    assert "interrupted" in text and "not reached" in text


def test_missing_data_fail_their_row(home, tmp_path):
    options = {"path": "absent.csv"}
    failed = report.matrix_report(["csv"], ["popularity"], profile="smoke", options=options, out=tmp_path)
    assert len(failed) == 1 and not failed[0].trace
    assert "absent.csv" in (tmp_path / "index.html").read_text()
    assert "Nothing could be measured" in (tmp_path / "csv" / "popularity.html").read_text()


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """A log of 15 items without words: tiger has no text to read."""
    rng, path = np.random.default_rng(0), tmp_path_factory.mktemp("log") / "events.csv"
    rows = [f"u{user},i{rng.integers(15)},{1_500_000_000 + time}" for user in range(60) for time in range(8)]
    path.write_text("\n".join(["user,item,timestamp", *rows]))
    return str(path)


def test_two_processes_give_the_table_of_one_with_failed_fits_as_rows(home, log, tmp_path):
    """Real failures, in this process and in others; the rest of the matrix is whole and equal."""
    systems, cells = ["tiger", "bpr_mf"], {}
    for jobs in (1, 2):
        with using_store(Store(tmp_path / f"store {jobs}")):
            failed = report.matrix_report(["csv"], systems, profile="smoke", options={"path": log}, jobs=jobs,
                                          out=tmp_path / str(jobs))  # fmt: skip
        assert [(cell.system, cell.code) for cell in failed] == [("tiger", 3)]
        assert "no item text" in failed[0].error and failed[0].page.exists() and failed[0].baselines
        cells[jobs] = json.loads((tmp_path / str(jobs) / "metrics.json").read_text())["cells"]
    assert [cell["ok"] for cell in cells[1]] == [False, True]
    for one, two in zip(cells[1], cells[2], strict=True):
        assert one | {"seconds": 0} == two | {"seconds": 0}


def test_an_interruption_between_systems_keeps_the_baselines(home, log, tmp_path, monkeypatch):
    real = run_plan.train_run

    def train(bench, inputs, *rest, **options):
        if inputs["system"] == "gru4rec":
            raise KeyboardInterrupt
        return real(bench, inputs, *rest, **options)

    monkeypatch.setattr(run_plan, "train_run", train)
    stopped = report.matrix_report(["csv"], ["ease", "gru4rec", "bpr_mf"], profile="smoke", options={"path": log},
                                   out=tmp_path)  # fmt: skip
    assert [(cell.system, cell.code, len(cell.baselines)) for cell in stopped] == [
        ("gru4rec", 130, len(names("baselines"))), ("bpr_mf", -1, 0)]  # fmt: skip
    assert "Only the baselines" in (tmp_path / "csv" / "gru4rec.html").read_text()


@pytest.mark.parametrize("words, message", [
    (["--dataset", "synthetic", "--jobs", "2"], "--jobs and --cluster are for a matrix"),
    (["--datasets", "synthetic", "--systems", "ease", "--jobs", "0"], "must be at least 1, not 0"),
    (["--datasets", "synthetic", "--systems", "ease", "--cluster", "tcp://127.0.0.1:9"], "no Dask scheduler answers"),
    (["--datasets", "sinthetic", "--systems", "sasrec"], "did you mean 'synthetic'"),
    (["--datasets", "synthetic", "--systems", "sasrec,sasrek"], "did you mean 'sasrec'"),
    (["--datasets", "synthetic"], "needs --datasets and --systems"),
    (["--datasets", "synthetic", "--system", "sasrec"], "for a matrix"),
    (["--datasets", "synthetic", "--systems", "sasrec", "--profile", "smok"], "did you mean 'smoke'"),
    (["--datasets", "synthetic", "--systems", "sasrec", "--option", "user=3"], "did you mean 'users'"),
])
def test_a_wrong_option_fails_before_any_training(tmp_path, capsys, monkeypatch, words, message):
    monkeypatch.setattr(fits, "SECONDS_TO_CONNECT", 1)
    assert main(["report", *words, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_an_outcome_records_the_error():
    def fails(error):
        def task():
            raise error
        return outcome.attempt(task)

    assert outcome.attempt(lambda: 3)[:2] == (3, 0)
    assert fails(UserError("bad", code=3))[1::2] == (3, "bad") and fails(UserError("bad")).trace == ""
    assert fails(KeyboardInterrupt()).code == 130 and fails(MemoryError()).error == "MemoryError"
    assert "ZeroDivisionError: x" in fails(ZeroDivisionError("x")).trace
