"""A study on the built-in world: its arms, its file, failures, resumption, processes and a cluster."""
import json
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import workbench as wb
from workbench import systems
from workbench.__main__ import main
from workbench.artifacts import Store, using_store
from workbench.errors import UserError
from workbench.evaluate import compare
from workbench.experiment.bench import Bench
from workbench.experiment.study import fits as study_fits
from workbench.experiment.study.arms import arms_of
from workbench.experiment.study.fits import plan_fit, run_fits
from workbench.experiment.study.verdict import ANSWERS, NO_CONCLUSION, NO_PARENT, VERDICTS
from workbench.systems import catalogue
from workbench.systems.evidence import stored

KEYS = {"system", "dataset", "profile", "protocol", "data_hash", "seeds", "settings", "rows", "differences", "cost",
        "verdict", "claim", "reported"}  # fmt: skip


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with using_store(Store(tmp_path_factory.mktemp("store"))):
        yield wb.open_bench("synthetic", profile="smoke", options={"users": 150})


@pytest.fixture(scope="module")
def study(bench):
    return wb.study(bench, "tiger", seeds=2, epochs=1, width=32, layers=1)


def test_its_arms(study):
    assert list(study.runs) == ["on", "off", "placebo", *systems.names("baselines")]
    assert [run.info["seed"] for run in study.runs["off"]] == [0, 1]
    assert study.runs["off"][0].info["settings"]["prefixes"] is False
    assert study.runs["placebo"][0].info["settings"]["permuted"] is True
    recipes = [study.runs[arm][0].info["recipe"] for arm in ("on", "off", "placebo")]
    assert recipes[0] == recipes[1] == recipes[2], "equal budgets"


def test_the_claim_is_answered(study):
    claim, answer = study.claim
    assert claim.startswith("Codes from item content help") and answer == study.dict()["answer"]
    assert answer == f"{ANSWERS[study.verdict[0]]}. {study.verdict[1]}"


@pytest.mark.parametrize("metric, complaint", [("ndgc@10", "ndgc"), ("ndcg@50", "depth 20")])
def test_a_metric_that_there_is_not_is_an_error_before_training(bench, metric, complaint, monkeypatch):
    monkeypatch.setattr(study_fits, "run_fit", None)
    with pytest.raises(UserError, match=complaint):
        wb.study(bench, "sasrec", metric=metric)


@pytest.mark.parametrize("system, changes, trained", [
    ("tim4rec", {"epochs": 1, "width": 32}, "sasrec"),  # shared by all its children
    ("tim4rec", {"state": 8}, "tim4rec"),  # sasrec has no such setting
    ("stkdrec", {}, "stkdrec"),  # off it samples another number of negatives than sasrec
    ("random_selection", {"base": "gru4rec"}, "random_selection"), ("tiger", {}, "tiger"),
])  # fmt: skip
def test_what_is_off_is_trained_as_the_parent_where_it_is_the_same(system, changes, trained):
    arms = {arm.name: arm for arm in arms_of(system, changes, 2)}
    assert arms["off"].system == trained and changes.items() <= arms["off"].changes.items()
    assert (trained == system) == (catalogue.entry(system).off.items() <= arms["off"].changes.items())


def test_how_much_is_selected_may_be_changed_and_off_is_all_of_it():
    arms = {arm.name: arm.changes for arm in arms_of("goracs", {"share": 0.05}, 5)}
    assert (arms["on"], arms["off"]) == ({"share": 0.05}, {"share": 1.0})
    assert arms["placebo"] == {"share": 0.05, "by": "permuted"}
    for changes in ({"share": 1.0}, {"by": "loss"}):
        with pytest.raises(UserError, match="is the switch of the arm"):
            arms_of("goracs", changes, 5)


def test_its_figures_are_those_of_compare(study):
    off = "tiger(epochs=1, layers=1, prefixes=False, width=32)"
    table = compare(study.runs["on"] + study.runs["off"], baseline=off)
    row, difference = table.loc["tiger(epochs=1, layers=1, width=32)"], study.differences["off"]
    assert (difference.mean, difference.low, difference.high) == (row["difference"], row["diff_low"], row["diff_high"])
    assert study.rows()["on"]["low"] == row["low"]
    assert study.best_baseline == max(systems.names("baselines"), key=lambda name: study.values[name].mean())


def test_its_file(study, tmp_path):
    written = json.loads(study.save(tmp_path / "deep" / "tiger.json").read_text())
    assert written.keys() >= KEYS and written["seeds"] == [0, 1] and written["verdict"] in VERDICTS
    scores = [run.metrics["ndcg@10"] for run in study.runs["on"]]
    assert written["rows"]["on"]["per_seed"] == pytest.approx(scores, abs=1e-7)
    assert set(written["differences"]) == {"on - off", "on - placebo", "on - baseline"}
    assert set(written["cost"]) == {"seconds", "epoch", "peak_memory_mb"} and "NDCG@10 .0384" in written["reported"]
    (evidence,) = stored("tiger", tmp_path / "deep")
    assert not evidence.stale and evidence.verdict == written["verdict"]
    assert list(written["stands_on"]) == ["", "vectors text", "codes rq-kmeans"]
    older = {name: value for name, value in written.items() if name != "stands_on"} | {"code": "0" * 16}
    for changed in (older, *(written | {"stands_on": written["stands_on"] | {name: "0" * 16}}
                             for name in written["stands_on"])):  # fmt: skip
        (tmp_path / "deep" / "tiger.json").write_text(json.dumps(changed))
        assert stored("tiger", tmp_path / "deep")[0].stale and "stale" in stored("tiger", tmp_path / "deep")[0].text()


def test_one_epoch_proves_nothing(study):
    if study.runs["on"][0].still_rising:
        assert study.verdict[0] == NO_CONCLUSION and "still rose" in study.verdict[1]


def test_a_system_without_a_parent_is_only_held_against_baselines(bench):
    result = wb.study(bench, "item_knn", seeds=1)
    assert result.verdict[0] == NO_PARENT and "item_knn" not in [arm.name for arm in result.arms[1:]]
    assert set(result.differences) == {"baseline"} and set(result.cost().values()) == {None}


def test_a_failed_fit_is_a_row_with_its_error(bench, monkeypatch):
    real = Bench.fit

    def fit(self, system, **changes):
        if system == "ease":
            raise UserError("this one is too large")
        if changes.get("permuted"):
            raise RuntimeError("out of cheese")
        return real(self, system, **changes)

    monkeypatch.setattr(Bench, "fit", fit)
    result = wb.study(bench, "tiger", seeds=2, epochs=1, width=32, layers=1)
    assert result.rows()["ease"] == {"error": "seed 0: this one is too large"}
    assert result.rows()["placebo"] == {"error": "seed 0: RuntimeError: out of cheese"}
    assert result.verdict[0] == NO_CONCLUSION and "Placebo failed" in result.verdict[1]
    assert result.rows()["on"]["seeds"] == 2 and json.dumps(result.dict())


@pytest.mark.parametrize(("system", "lacks"), [
    ("ga_llm", "lat, lon"), ("llm_edt", "one domain"), ("tim4rec", "time"),
])  # fmt: skip
def test_data_that_the_system_cannot_read_are_one_error_before_other_arms_train(system, lacks, tmp_path, monkeypatch):
    trained, real = [], study_fits.run_fit
    monkeypatch.setattr(study_fits, "run_fit", lambda fit: trained.append(fit) or real(fit))
    timeless = tmp_path / "log.csv"
    timeless.write_text("user,item\n" + "".join(f"{n // 5},{n % 7}\n" for n in range(60)))
    plain = wb.open_bench("csv", profile="smoke", options={"path": timeless, "user": "user", "item": "item"})
    with pytest.raises(UserError, match=lacks) as raised:
        wb.study(plain, system, seeds=2)
    assert len(trained) == 1 and raised.value.code == 3


def test_the_same_call_goes_on_after_an_interruption(bench, monkeypatch):
    real, trained = study_fits.run_fit, []

    def interrupted(fit):
        if len(trained) == 3:
            raise KeyboardInterrupt
        trained.append(fit)
        return real(fit)

    monkeypatch.setattr(study_fits, "run_fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        wb.study(bench, "item_transitions", seeds=1, window=3)
    monkeypatch.setattr(study_fits, "run_fit", real)
    before = {path: path.stat().st_mtime_ns for path in (bench.store.root / "run").glob("*/manifest.json")}
    result = wb.study(bench, "item_transitions", seeds=1, window=3)
    assert not result.errors and all(path.stat().st_mtime_ns == time for path, time in before.items())


@pytest.mark.slow
def test_two_processes_give_the_runs_of_one(bench, tmp_path):
    one = wb.study(bench, "gru4rec", seeds=2, epochs=1, width=16)
    with using_store(Store(tmp_path)):
        two = wb.study(wb.open_bench("synthetic", profile="smoke", options={"users": 150}), "gru4rec", seeds=2, jobs=2,
                       epochs=1, width=16)  # fmt: skip
    assert not two.errors
    for arm, values in one.values.items():
        np.testing.assert_array_equal(two.values[arm], values, err_msg=arm)


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_still_finishes(bench, tmp_path):
    distributed = pytest.importorskip("distributed", reason="needs the extra 'cluster'")
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    changes = {"epochs": 3, "width": 16}
    fits = [plan_fit(bench, "gru4rec", changes, seed)._replace(store=str(tmp_path)) for seed in range(4)]
    with cluster:
        def kill():
            while not list((tmp_path / "checkpoints").glob("*")):  # until one trains
                time.sleep(0.02)
            os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        fitted = run_fits(fits, cluster=cluster.scheduler_address)
        killer.join()
    assert [each.error for each in fitted] == [""] * 4
    assert len({each.folder for each in fitted}) == 4
    assert all(Path(each.folder, "cases.npz").is_file() for each in fitted)


def test_a_cluster_without_workers_is_an_error(bench, monkeypatch):
    distributed = pytest.importorskip("distributed", reason="needs the extra 'cluster'")
    monkeypatch.setattr(study_fits, "SECONDS_TO_CONNECT", 2)
    with distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=None) as cluster:
        with pytest.raises(UserError, match="has no worker: start one with `dask worker"):
            run_fits([plan_fit(bench, "popularity", {}, 0)], cluster=cluster.scheduler_address)


@pytest.mark.parametrize("changes, message", [
    ({"seeds": 0}, "seeds must be a whole number of at least 1, not 0"), ({"jobs": "2"}, "jobs must be an integer"),
    ({"permuted": True}, "permuted is the switch of the arm 'placebo'"), ({"widht": 3}, "did you mean 'width'"),
    ({"cluster": "tcp://127.0.0.1:9"}, "no Dask scheduler answers"),
])  # fmt: skip
def test_bad_input(bench, changes, message, monkeypatch):
    monkeypatch.setattr(study_fits, "SECONDS_TO_CONNECT", 1)
    with pytest.raises(UserError, match=message):
        wb.study(bench, "tiger", **changes)


def test_the_command(home, tmp_path, capsys):
    out = tmp_path / "popularity.json"
    command = ["study", "popularity", "--profile", "smoke", "--option", "users=120", "--seeds", "1", "--out", str(out)]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert f"study: {out}" in printed and "no parent to compare with: It has no off switch" in printed
    assert json.loads(out.read_text())["dataset"] == "synthetic"
    assert main(["study", "populrity"]) == 2 and "did you mean 'popularity'" in capsys.readouterr().err
    assert main([*command[:-1], str(tmp_path / "x.txt")]) == 2 and "that ends in .json" in capsys.readouterr().err
