"""TencentGR from a sample in the exact layout: counts, traps, features, targets that are never merely shown; and the
same of KuaiRand's actions, on the real log."""
import pickle

import ad_samples
import numpy as np
import polars as pl
import pytest

from workbench.data import datasets, protocol_for, split
from workbench.data.formats.attributes.action_types import with_positive_ends
from workbench.data.formats.attributes.feature_arrays import features_of_items
from workbench.data.lint import lint
from workbench.data.splits import user_sequences
from workbench.errors import UserError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path))
    return tmp_path / "TencentGR-1M"


def test_the_published_layout_is_read_whole(folder):
    planted = ad_samples.write(folder)
    dataset = datasets.load("tencent-gr")
    dropped, events = dataset.about["dropped"], dataset.interactions
    assert dataset.order == "sequence" and dataset.about["read"]["events"] == 60 * 20
    assert dropped["events without an action type"] == 1 and dropped["events of users with fewer than two clicks"] >= 20
    assert dropped["candidates that the indexer does not know"] == 1
    assert dropped["vectors that are not whole, or given twice"] == 1
    assert sum(n for what, n in dropped.items() if what.startswith("events")) == 1200 - len(events)
    assert len(dataset.about["files"]) == 1 + 2 + 2 + 1 + 1 + 2
    number = dataset.items["raw_id"].astype(int)
    assert (dataset.items["101"].astype(int) == planted["group"][number] + 1).all()
    assert (dataset.items["published"].astype(int) == 20_000_000_000 + number).all()
    assert dataset.items["115"].isna().equals(number % 7 == 0)
    person = dataset.users["raw_id"].astype(int) - 1
    assert (dataset.users["106"] == [f"{planted['taste'][each] + 1} | 9" for each in person]).all()
    vectors = features_of_items(dataset, "emb_81")
    known = number > 2
    assert (vectors[1:][known].argmax(1) == planted["group"][number[known]]).all() and not vectors[1:][~known].any()
    assert set(dataset.tables["candidates"]["item"]) == set(dataset.items.index)
    row = events.sort_values("row").groupby("user")["row"].apply(np.array)
    assert all((np.diff(each) > 0).all() for each in row)


def findings(dataset) -> dict[str, tuple[int, str]]:
    """Value and verdict of each row of the lint report that the loader measured."""
    found = lint(dataset).findings
    own = found[found["check"].str.startswith("tencent-gr: ")]
    return {check.removeprefix("tencent-gr: "): row for check, *row in
            own[["check", "value", "verdict"]].itertuples(index=False)}  # fmt: skip


def test_traps_are_in_the_lint_report(folder):
    """One more user has a tie, a step back in time, an event without an ad and one without a time; ads 3 and 4 are no
    candidates."""
    planted = ad_samples.write(folder)
    seq = pl.read_parquet(folder / "seq" / "*.parquet")
    rows = [(5, 1, 100), (6, 0, 100), (7, 2, 50), (0, 1, 60), (8, 1, None)]
    odd = [dict(zip(("item_id", "action_type", "timestamp"), row)) for row in rows]
    more = pl.DataFrame({"user_id": [61], "seq": [odd]}, schema=seq.schema)
    ad_samples.shards(pl.concat([seq, more]), folder / "seq", 2)
    candidates = pl.read_parquet(folder / "candidate" / "*.parquet")
    ad_samples.shards(candidates.filter(~pl.col("retrieval_id").is_in([2, 3])), folder / "candidate", 1)
    known = np.ones(planted["action"].shape, bool)
    known[1, 2] = False  # the event without an action
    shown, wanted = (known & each for each in (planted["action"] == 0, planted["action"] > 0))
    few = (wanted.sum(1) < 2).sum()
    found = findings(datasets.load("tencent-gr"))
    assert found == {
        "exposures": [shown.sum() + 1, "warning"], "missing actions": [1, "warning"],
        "missing ads or times": [2, "warning"], "events before an earlier time": [1, "warning"],
        "events of one request": [60 * 13 - 1 + 1, "note"],  # 20 events in requests of three; one has no action
        "users without two clicks": [few, "note"], "unknown candidates": [1, "warning"],
        "candidates outside the log": [1, "note"], "targets outside the candidates": [2, "note"],
        "ads without vectors": [2, "note"], "broken vectors": [1, "warning"],
    }  # fmt: skip


def test_a_log_without_these_traps_says_so(folder):
    planted = ad_samples.write(folder)
    taken = planted["action"].sum(1) > 5
    seq = pl.read_parquet(folder / "seq" / "*.parquet").filter(pl.Series(taken) & (pl.col("user_id") != 2))
    ad_samples.shards(seq, folder / "seq", 2)
    found = findings(datasets.load("tencent-gr", vectors=""))
    assert "ads without vectors" not in found
    for name in ("missing actions", "missing ads or times", "events before an earlier time", "users without two clicks",
                 "targets outside the candidates"):  # fmt: skip
        assert found[name] == [0, "ok"]


def test_both_held_out_events_are_clicks_or_conversions(folder):
    ad_samples.write(folder)
    dataset = datasets.load("tencent-gr", vectors="")
    cut = split(dataset, protocol_for(dataset))
    sequence = user_sequences(dataset, cut.protocol)
    for back, cases in ((1, cut.test), (2, cut.valid)):
        at = sequence.offsets[cases.histories.users + 1] - back
        assert len(at) and (sequence.columns["action"][at] > 0).all()
        assert np.array_equal(sequence.items[at], cases.targets)
    assert (cut.train.columns["action"] == 0).any(), "what was merely shown is context"


def test_a_sample_of_users_is_one_of_the_whole(folder):
    ad_samples.write(folder)
    few, all_ = datasets.load("tencent-gr", users=20), datasets.load("tencent-gr")
    assert 10 < few.n_users <= 20 and set(few.users["raw_id"]) <= set(all_.users["raw_id"])


def test_events_to_keep_by_hand():
    """User 0: shown, click at 2, shown at 2, click at 3, shown at 3; user 1 one click; user 2 clicks twice at once."""
    users, times = np.array([0, 0, 0, 0, 0, 1, 2, 2, 2]), np.array([1, 2, 2, 3, 3, 1, 5, 5, 4])
    positive = np.array([0, 1, 0, 1, 0, 1, 1, 1, 0], bool)
    kept = with_positive_ends(users, times, positive)
    assert kept.tolist() == [True, True, False, True, False, False, True, True, True]
    assert not with_positive_ends(np.zeros(0, int), np.zeros(0, int), np.zeros(0, bool)).size


@pytest.mark.parametrize("break_it, said", [
    (lambda f: (f / "indexer.pkl").unlink(), "lacks indexer.pkl"),
    (lambda f: (f / "indexer.pkl").write_bytes(pickle.dumps(np.random.default_rng)), "only built-in containers"),
    (lambda f: (f / "indexer.pkl").write_bytes(pickle.dumps({"i": {"a": "b"}})), "no map 'i'"),
    (lambda f: pl.DataFrame({"item_id": ["a"], **{n: [1] for n in ad_samples.OF_ITEMS}}).write_parquet(
        f / "item_feat" / "train-00001-of-00002.parquet"), "shards of two schemas.*'item_id'.*Int64.*String"),
    (lambda f: (f / "seq" / "train-00000-of-00002.parquet").write_bytes(b"PAR1 cut"), "not a complete parquet file"),
    (lambda f: [ad_samples.shards(pl.DataFrame({"user_id": [1], "seq": [[7]]}), f / "seq", 2)], "expected a list of"),
    (lambda f: ad_samples.shards(pl.DataFrame({"user_id": [1]}), f / "user_feat", 1), "no column 103"),
    (lambda f: ad_samples.shards(pl.DataFrame({"user_id": [1], "seq": [[
        {"item_id": 1, "action_type": 5, "timestamp": 1}]]}), f / "seq", 2), "action_type 5"),
])  # fmt: skip
def test_another_layout_is_one_clear_error(folder, break_it, said):
    ad_samples.write(folder)
    break_it(folder)
    with pytest.raises(UserError, match=said):
        datasets.load("tencent-gr")


def test_without_files_it_says_where_to_get_them(folder):
    with pytest.raises(UserError, match="(?s)lacks seq.*TAAC2025"):
        datasets.load("tencent-gr")
    for options in ({"release": "2M"}, {"vectors": "80"}, {"users": -1}):
        with pytest.raises(UserError, match="tencent-gr"):
            datasets.load("tencent-gr", **options)


def test_actions_of_kuairand_are_those_of_the_log(real):
    dataset = datasets.load("kuairand-actions")
    events, dropped = dataset.interactions, dataset.about["dropped"]
    assert (dataset.n_users, dataset.n_items, len(events)) == (16_948, 5_946, 159_505)
    assert events["action"].value_counts().to_dict() == {2: 67_051, 0: 64_129, 1: 28_325}
    assert sum(dropped.values()) + len(events) == dataset.about["read"]["exposures"] == 228_329
    assert dataset.users.shape == (16_948, 25) and not dataset.users["user_active_degree"].isna().any()
    cut = split(dataset, protocol_for(dataset))
    sequence = user_sequences(dataset, cut.protocol)
    assert (sequence.columns["action"][sequence.offsets[cut.test.histories.users + 1] - 1] > 0).all()
    assert (sequence.columns["action"][sequence.offsets[cut.valid.histories.users + 1] - 2] > 0).all()
