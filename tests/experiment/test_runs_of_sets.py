"""Runs on cases with sets of targets: stored, read again, compared; what needs one target a case refuses."""
import logging

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import UserError
from workbench.evaluate import evaluate, recommend_all
from workbench.evaluate.predictions import evaluate_predictions
from workbench.experiment import load_run, open_bench
from workbench.experiment.audit.run_audit import fit_or_load
from workbench.show.figures.beams import table_beam
from workbench.show.widgets.compare_runs import hit_groups

PROTOCOL = {"split": "ratio", "ratios": (0.5, 0.2, 0.3)}
OPTIONS = {"users": 300, "items": 80, "mean_length": 20.0}


def ratio_bench(**protocol):
    return open_bench("synthetic", profile="smoke", options=OPTIONS, protocol=PROTOCOL | protocol)


@pytest.fixture(scope="module")
def bench(home):
    return ratio_bench()


@pytest.fixture(scope="module")
def runs(bench):
    return [bench.fit("popularity"), bench.fit("item_knn", decay=1.0), bench.fit("bpr_mf", epochs=4)]


def test_a_run_keeps_a_rank_for_every_target(bench, runs):
    cases = bench.split.test
    for run in runs:
        again = load_run(run.folder)
        assert np.array_equal(again.offsets, cases.offsets) and len(again.ranks) == len(cases.targets)
        assert again.info["cases"] == len(cases.histories) == len(again.per_case())
        assert again.metrics["recall@10"] == pytest.approx(again.per_case("recall@10").mean())
        hits = np.add.reduceat((again.ranks > 0) & (again.ranks <= 10), cases.offsets[:-1])
        assert again.per_case("recall@10") == pytest.approx(hits / np.diff(cases.offsets))
        assert again.per_case("precision@10") == pytest.approx(hits / 10)
    assert runs[2].curve[-1]["ndcg@10"] > 0, "validation is of sets, too"
    with pytest.raises(UserError, match="depth 20 only"):
        runs[0].per_case("map@50")
    with np.load(ratio_bench(split="random").fit("popularity").folder / "cases.npz") as single:
        assert single.files == ["ranks"]


def test_compare_contrast_and_their_tables(bench, runs):
    table = wb.compare(runs, metric="map@10")
    assert set(table["cases"]) == {len(bench.split.test.histories)}
    assert "item_knn" in wb.show.table_comparison(table, metric="map@10")._repr_html_()
    by_ratio = [ratio_bench(ratios=(0.6, 0.2, 0.2)).fit("popularity"), runs[0]]
    assert wb.contrast(by_ratio, by="ratios").shape == (1, 2)
    with pytest.raises(UserError, match="differ in ratios"):
        wb.compare(by_ratio)
    by_order = [ratio_bench(order="time").fit("popularity"), runs[0]]
    assert wb.contrast(by_order, by="order", metric="hit@10").shape == (1, 2)
    by_split = [ratio_bench(split="random", mask_history=True).fit("popularity"), runs[0]]
    assert wb.contrast(by_split, by="split").columns.tolist() == ["random", "ratio"]
    with pytest.raises(UserError, match="also differs in mask_history"):
        wb.contrast([ratio_bench(split="random").fit("popularity"), runs[0]], by="split")


def test_scores_ranks_and_predictions_made_elsewhere(bench, runs):
    split, knn = bench.split, runs[1]
    scores = knn.recommender().score(split.test.histories)
    given = [bench.evaluate(scores, name="scores"), bench.evaluate(knn.ranks, name="ranks"),
             bench.evaluate(evaluate(knn.recommender(), split.test, split, quiet=True), name="lists")]  # fmt: skip
    for own in given:
        assert np.array_equal(own.ranks, knn.ranks) and np.array_equal(own.per_case("map@5"), knn.per_case("map@5"))
        assert own.info["cases"] == knn.info["cases"]
    assert wb.compare([*given, knn])["mean"].nunique() == 1
    with pytest.raises(UserError, match=r"expected scores \(\d+, \d+\) or ranks"):
        bench.evaluate(np.zeros(len(split.test.histories)), name="ranks")
    with pytest.raises(UserError, match=r"this bench has \d+ test cases with \d+ targets"):
        single = ratio_bench(split="random")
        bench.evaluate(evaluate(knn.recommender(), single.split.test, single.split, quiet=True), name="other")
    lists = recommend_all(knn.recommender(), split.test.histories, 20, masked=True)
    table = pd.DataFrame({
        "user": bench.dataset.users["raw_id"].to_numpy()[np.repeat(split.test.histories.users, 20)],
        "item": bench.dataset.items["raw_id"].to_numpy()[lists.items.ravel() - 1],
        "sort_key": np.tile(np.arange(20), len(lists.items)),
    })
    predicted = evaluate_predictions(table.sample(frac=1, random_state=0), bench.dataset, split)
    assert np.array_equal(predicted.ranks, knn.ranks)
    assert predicted.metrics(split.test, split) == pytest.approx(knn.metrics)


def test_the_events_of_a_user_show_every_part(bench):
    user = int(bench.typical_users(1)[0])
    parts = bench.events(user)["part"].tolist()
    row = int(np.flatnonzero(bench.split.test.histories.users == user)[0])
    assert parts.count("test") == np.diff(bench.split.test.offsets)[row] and parts[-1] == "test"
    assert parts.count("train") == bench.split.train.lengths[user]
    assert parts == sorted(parts, key=["train", "validation", "test"].index)
    assert "history only" not in parts


def test_what_needs_one_target_refuses_before_any_work(bench, runs):
    doors = {
        "an audit": lambda: wb.audit(bench), "an audit ": lambda: fit_or_load(bench, ["sasrec"]),
        "probe": lambda: wb.probe(runs[2]), "inspect_decoder": lambda: wb.inspect_decoder(runs[0]),
        "single cases": lambda: wb.inspect_cases(bench, runs), "hit": lambda: hit_groups(*runs[:2]),
    }  # fmt: skip
    for name, door in doors.items():
        with pytest.raises(UserError, match="cases of one target; under split=ratio") as error:
            door()
        assert name.strip() in str(error.value) and "'split': 'random'" in str(error.value)


def test_a_decoder_of_semantic_ids_is_trained_on_sets(bench, caplog):
    with caplog.at_level(logging.ERROR):
        run = bench.fit("tiger", epochs=1, codes="random", width=32, layers=1)
    assert run.offsets is not None and "nats/1" in run.curve[-1]
    with pytest.raises(UserError, match="cases of one target"):
        table_beam(bench, run.recommender(), int(bench.typical_users(1)[0]), 1)
