"""The bench: computed once, keyed by what matters, saved so that the same answers come back."""
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.data import assemble, datasets
from workbench.data.tables import attach_tables
from workbench.errors import UserError
from workbench.experiment import bench_data, item_features, load_run, open_bench, reproduce, run_plan, stored_runs
from workbench.tokens import make_codes

WORLD = {"users": 300, "items": 80}
QUICK = {"epochs": 2, "width": 16, "feedforward": 16, "layers": 1}


@pytest.fixture(scope="module")
def bench(home):
    return open_bench("synthetic", profile="smoke", options=WORLD)


@pytest.fixture(scope="module")
def run(bench):
    return bench.fit("sasrec", **QUICK)


def test_metrics_say_where_they_come_from(run):
    stored = json.loads((run.folder / "metrics.json").read_text())
    for key in ("system", "dataset", "settings", "protocol", "data_hash", "seed", "seconds", "metrics", "environment"):
        assert stored[key] not in (None, {}), key
    assert {"ndcg@10", "recall@10", "mrr@10", "coverage@10", "ndcg@10/head"} <= stored["metrics"].keys()
    assert stored["settings"]["width"] == 16 and stored["recipe"]["epochs"] == 2 and len(stored["curve"]) == 2


def test_an_equal_run_is_loaded_and_another_seed_is_not(bench, run, monkeypatch):
    monkeypatch.setattr(run_plan, "train_run", None)
    assert bench.fit("sasrec", **QUICK).folder == run.folder
    with pytest.raises(TypeError):
        open_bench("synthetic", profile="smoke", options=WORLD, seed=1).fit("sasrec", **QUICK)


def test_a_saved_run_answers_as_it_did(bench, run, tmp_path):
    copied = run.copy(tmp_path / "run")
    histories = bench.split.test.histories
    first, again = (r.recommender().recommend(histories, 5) for r in (run, load_run(copied.folder)))
    assert (first.items == again.items).all() and (first.scores == again.scores).all()
    hits = (first.items == bench.split.test.targets[:, None]).any(axis=1).mean()
    assert hits == pytest.approx(run.metrics["recall@5"])


def test_reproduce_finds_the_same_numbers(run):
    table = reproduce(run)
    assert table["equal"].all() and len(table) == len(run.metrics)


def test_interrupted_training_resumes_to_the_same_run(run, tmp_path, monkeypatch):
    """The first try stops in its second epoch; the next call takes its checkpoint and ends as an unbroken run does."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    from workbench.recommenders import sequential

    real, calls = sequential.token_batches, []

    def stopping(lengths, tokens, rng):
        calls.append(1)
        if len(calls) == 3:  # once to count, then an epoch each
            raise KeyboardInterrupt
        return real(lengths, tokens, rng)

    monkeypatch.setattr(sequential, "token_batches", stopping)
    with pytest.raises(KeyboardInterrupt):
        open_bench("synthetic", profile="smoke", options=WORLD).fit("sasrec", **QUICK)
    assert list(tmp_path.glob("artifacts/checkpoints/*/step-*")) and not stored_runs()
    again = open_bench("synthetic", profile="smoke", options=WORLD).fit("sasrec", **QUICK)
    assert [row["loss"] for row in again.curve] == [row["loss"] for row in run.curve]
    assert again.metrics == run.metrics and not list(tmp_path.glob("artifacts/checkpoints/*"))


def test_a_floor_ignores_the_seed_and_masking_changes_the_protocol(bench):
    other = open_bench("synthetic", profile="smoke", options=WORLD, seed=5).fit("popularity")
    masked = open_bench("synthetic", profile="smoke", options=WORLD, protocol={"mask_history": True}).fit("popularity")
    plain = bench.fit("popularity")
    assert plain.metrics == other.metrics
    assert plain.info["protocol"] != masked.info["protocol"] and (plain.ranks != masked.ranks).any()


def test_vectors_are_made_once_and_placebos_differ(bench):
    text, shuffled = bench.vectors("text", dim=16), bench.vectors("permuted", dim=16)
    assert text.shape == (bench.dataset.n_items + 1, 16) and text.dtype == np.float32 and not text[0].any()
    assert np.allclose(np.sort(text, axis=None), np.sort(shuffled, axis=None)) and not np.allclose(text, shuffled)
    assert (bench.vectors("text", dim=16) == text).all()


@pytest.mark.parametrize("call, words", [
    (lambda b: b.fit("sasrek"), "did you mean 'sasrec'"),
    (lambda b: b.fit("sasrec", widht=3), "did you mean 'width'"),
    (lambda b: b.fit("sasrec", width="3"), "width must be int"),
    (lambda b: b.fit("sasrec", width=10, heads=3), "multiple of heads"),
    (lambda b: b.fit("sasrec", monitor="loss"), "unknown metric 'loss'"),
    (lambda b: b.vectors("texts"), "did you mean 'text'"),
    (lambda b: open_bench("synthetik"), "did you mean 'synthetic'"),
    (lambda b: open_bench("synthetic", profile="smok"), "did you mean 'smoke'"),
    (lambda b: open_bench("synthetic", protocol={"mask": True}), "unknown protocol field"),
    (lambda b: open_bench("synthetic", protocol={"mask_history": 1}), "must be bool"),
    (lambda b: open_bench("synthetic", options={"user": 3}), "did you mean 'users'"),
    (lambda b: load_run("/nowhere"), "is not a run"),
])
def test_wrong_words_stop_before_any_work(bench, call, words):
    with pytest.raises(UserError, match=words):
        call(bench)


def test_a_damaged_run_is_not_loaded(run, tmp_path):
    copied = run.copy(tmp_path / "run")
    (copied.folder / "cases.npz").write_bytes(b"")
    with pytest.raises(UserError, match="changed since it was written"):
        load_run(copied.folder)


def test_a_folder_that_holds_anything_else_is_left_alone(run, tmp_path):
    mine = run.copy(tmp_path / "mine").folder
    assert run.copy(mine).metrics == run.metrics, "an older run alone may be replaced"
    (mine / "thesis.txt").write_text("years")
    with pytest.raises(UserError, match="is not a run alone"):
        run.copy(mine)
    assert (mine / "thesis.txt").read_text() == "years" and load_run(mine).metrics == run.metrics


def test_other_titles_are_other_vectors_and_another_run(tmp_path):
    rows = [f"u{u},i{(u + n) % 30},{n}" for u in range(40) for n in range(5)]
    (tmp_path / "log.csv").write_text("user,item,timestamp\n" + "\n".join(rows))
    found = []
    for word in ("tea", "oak"):
        names = "\n".join(f"i{n},{word if n % 2 else 'sea'} {n}" for n in range(30))
        (tmp_path / "items.csv").write_text("item,title\n" + names)
        options = {"path": str(tmp_path / "log.csv"), "items": str(tmp_path / "items.csv")}
        bench = open_bench("csv", profile="paper", options=options)
        found.append((bench.split.data_hash, bench.vectors("text", dim=4), bench.fit("graph_heuristic").folder))
    (hash_a, a, run_a), (hash_b, b, run_b) = found
    assert hash_a == hash_b and not np.allclose(a, b) and run_a != run_b


def test_a_dataset_that_lacks_a_file_is_whole_once_the_file_is_there(real, tmp_path, monkeypatch):
    published = real / "amazon_beauty_2014"
    for part in ("s3rec", "ticoserec"):
        shutil.copytree(published / part, tmp_path / "amazon_beauty_2014" / part)
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path))
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    bare = open_bench("beauty", profile="smoke").dataset
    assert bare.about["missing_files"] and "asin" not in bare.items
    shutil.copytree(published / "p5", tmp_path / "amazon_beauty_2014" / "p5")
    assert "asin" in open_bench("beauty", profile="smoke").dataset.items


def test_a_label_names_what_differs_from_the_defaults_alone(bench):
    assert bench.fit("item_knn", neighbours=200).label == bench.fit("item_knn").label == "item_knn"


def test_a_small_catalogue_can_be_masked():
    options = {"users": 60, "items": 25}
    small = open_bench("synthetic", profile="smoke", options=options, protocol={"mask_history": True})
    assert 0 < small.fit("popularity").metrics["recall@5"] < 1


def test_a_second_process_waits_for_the_first(tmp_path):
    """Two fits of one run: one trains, the other loads what it left."""
    code = ("from workbench.experiment import open_bench; r = open_bench('synthetic', profile='smoke', "
            f"options={WORLD}).fit('sasrec', epochs=3, width=16); print(r.folder)")
    env = {**os.environ, "WORKBENCH_HOME": str(tmp_path)}
    pair = [subprocess.Popen([sys.executable, "-c", code], env=env, stdout=-1, stderr=-1, text=True) for _ in range(2)]
    out = [process.communicate(timeout=120) for process in pair]
    assert [process.returncode for process in pair] == [0, 0], out
    assert out[0][0] == out[1][0] and len(list(tmp_path.glob("artifacts/run/*"))) == 1


def test_a_damaged_run_hides_no_other(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    bench = open_bench("synthetic", profile="smoke", options=WORLD)
    runs = [bench.fit(name) for name in ("popularity", "item_knn")]
    (runs[0].folder / "cases.npz").write_bytes(b"cut")
    assert [run.system for run in stored_runs()] == ["item_knn"]
    assert "left out: " in caplog.text and "cases.npz: missing or changed" in caplog.text


def test_vectors_of_text_of_items_without_any_name_datasets_that_have(bench):
    wordless = replace(bench, given={"dataset": replace(bench.dataset, items=bench.dataset.items[["raw_id"]])})
    for kind in ("text", "sentence"):
        with pytest.raises(UserError, match=f"no item text .*kind '{kind}' .*office, beauty") as raised:
            wordless.vectors(kind)
        assert raised.value.code == 3
    for name in re.findall(r"[a-z-]+", item_features.WITH_TEXT.split(" are ")[1].replace(" and ", ", ")):
        assert name in datasets.names()


def test_what_the_data_lack_is_said(bench, caplog, tmp_path):
    caplog.set_level("INFO", "workbench")
    log_file = tmp_path / "log.csv"
    log_file.write_text("user,item,t\n" + "".join(f"u{n // 6},i{n % 7},{n}\n" for n in range(60)) + "late,i1,99\n")
    short = open_bench("csv", profile="smoke", protocol={"split": "ratio"},
                       options={"path": log_file, "user": "user", "item": "item", "timestamp": "t"})  # fmt: skip
    assert len(short.split.test.histories) == short.users - 1
    assert "1 of 11 users have no test case under split=ratio and are train-only" in caplog.text
    titles = bench.dataset.items["title"].where(bench.dataset.items.index > 5, "")
    items = bench.dataset.items.assign(title=titles)[["raw_id", "title"]]
    for _ in range(2):  # the second time they are read from the store
        caplog.clear()
        replace(bench, given={"dataset": replace(bench.dataset, items=items)}).vectors("text")
        assert re.search(r"5 of \d+ items have no vector of kind text", caplog.text)


def test_links_that_are_left_out_are_said(caplog):
    caplog.set_level("INFO", "workbench")
    social = pd.DataFrame({"user": ["u1", "u1", "stranger"], "friend": ["u2", "stranger", "u2"]})
    events = pd.DataFrame({"user": ["u1", "u2"] * 5, "item": list("abcdeabcde"), "timestamp": range(10)})
    from_log = attach_tables(assemble("log", events), {"social": social})
    bench_data.say_dropped(from_log)
    assert "left out rows of social about unknown ids: 2" in caplog.text
    bench_data.warn_of_empty_tables(attach_tables(assemble("log", events), {"social": social[2:]}))
    assert "no row of its table social is about its users and items" in caplog.text


def test_a_codebook_of_k_means_that_is_hardly_used_is_said_with_the_remedy(bench, caplog):
    same = np.zeros((bench.dataset.n_items + 1, 4), np.float32)
    same[1:, 0] = 1 + np.arange(bench.dataset.n_items) % 3
    item_features._said_if_poor("rq-kmeans", make_codes("rq-kmeans", bench.dataset, same, size=64, seed=0))
    assert "rq-kmeans: level 1 uses 3 of 64 codes (5 %): choose a smaller size" in caplog.text
