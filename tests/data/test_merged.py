"""Several datasets as one: nothing is matched, lost or reordered; what cannot be merged is one error."""
import numpy as np
import pandas as pd
import pytest

from workbench.__main__ import main
from workbench.data import assemble, datasets, protocol_for, split
from workbench.data.datasets.several import merged
from workbench.errors import UserError
from workbench.experiment import open_bench

TWO = "synthetic,synthetic-chain"


def log(rows, *, order="time", items=None, **columns):
    """A small dataset of (user, item) rows with further event columns."""
    users, ids = zip(*rows)
    return assemble("small", pd.DataFrame({"user": users, "item": ids, **columns}), items=items, order=order)


@pytest.fixture
def sources(monkeypatch):
    """Datasets of our own in the place of office, beauty and cds."""

    def use(**given):
        load = datasets.load
        monkeypatch.setattr(datasets, "load", lambda name, **kw: given[name] if name in given else load(name, **kw))

    return use


def sequences(dataset, **protocol):
    """Raw item ids of each user, in the order of the protocol, all but the last two."""
    train = split(dataset, protocol_for(dataset, **protocol)).train
    raw = dataset.items["raw_id"].to_numpy()
    return {dataset.users["raw_id"][user]: raw[train.row(row) - 1].tolist() for row, user in enumerate(train.users)}


def test_two_worlds_are_side_by_side_and_as_before_within():
    whole, parts = datasets.load("merged", of=TWO), {name: datasets.load(name) for name in TWO.split(",")}
    assert whole.name == "synthetic+synthetic-chain" and whole.order == "time" and whole.has_times
    for total in ("n_users", "n_items"):
        assert getattr(whole, total) == sum(getattr(part, total) for part in parts.values())
    assert whole.items["domain"].value_counts().to_dict() == {name: part.n_items for name, part in parts.items()}
    events = whole.interactions
    own = whole.items["domain"].reindex(events["item"]).to_numpy()
    assert (own == whole.users["domain"].reindex(events["user"]).to_numpy()).all(), "nobody is in two domains"
    together = sequences(whole, ties="file")
    for name, part in parts.items():
        mine = sequences(part, ties="file")
        assert {f"{name}:{user}": [f"{name}:{item}" for item in row] for user, row in mine.items()}.items() \
            <= together.items()  # fmt: skip
        rows = whole.items[whole.items["domain"] == name].set_index("raw_id").sort_index()
        before = part.items.assign(raw_id=f"{name}:" + part.items["raw_id"]).set_index("raw_id").sort_index()
        for column in ("title", "text", "category", "brand", "price"):
            assert rows[column].tolist() == before[column].tolist()


def test_order_and_times_of_the_whole(sources):
    timed = log([("u", "b"), ("u", "a"), ("u", "c"), ("u", "d")], timestamp=[5, 3, 5, 9], rating=[1.0, 2, 3, 4])
    exact = log([("u", "x"), ("u", "y"), ("u", "z")], timestamp=[7, 7, 8], microsecond=np.array([9, 2, 0], np.int32))
    rowed = log([("u", "c"), ("v", "d"), ("u", "a"), ("u", "b")], order="sequence")
    bare = log([("u", "c"), ("u", "a"), ("u", "b")], order="none")
    sources(office=timed, beauty=rowed, toys=exact, cds=bare)
    mixed = datasets.load("merged", of="office,beauty")
    assert mixed.order == "sequence" and not mixed.has_times, "the second has no times"
    assert sequences(mixed) == {"office:u": ["office:a", "office:b"], "beauty:u": ["beauty:c"],
                                "beauty:v": ["beauty:d"]}  # fmt: skip
    assert any("timestamp: left out" in note for note in mixed.about["notes"])
    both = datasets.load("merged", of="office,toys")
    assert both.order == "time" and both.interactions["timestamp"].notna().all() and "rating" not in both.interactions
    assert both.with_exact_times().interactions["timestamp"].tolist() == [
        3_000_000, 5_000_000, 5_000_000, 9_000_000, 7_000_002, 7_000_009, 8_000_000,
    ]  # fmt: skip
    assert datasets.load("merged", of="cds,office").order == "none"


def test_a_dataset_without_an_order_leaves_none_and_says_so(sources, caplog):
    sources(cds=log([("u", "c"), ("u", "a")], order="none"), office=log([("u", "c"), ("u", "a")], timestamp=[1, 2]))
    datasets.load("merged", of="office,cds")
    assert "cds: the order of events is unknown, so the merged log has none" in caplog.text


def test_only_what_means_the_same_in_all_is_kept(sources):
    items = pd.DataFrame({"raw_id": ["a", "b"], "title": ["A", "B"], "lcrec_id": [1, 2]})
    sources(office=log([("u", "a"), ("u", "b")], timestamp=[1, 2], items=items),
            beauty=log([("u", "a"), ("u", "c")], timestamp=[1, 2]))  # fmt: skip
    found = datasets.load("merged", of="office,beauty").items.set_index("raw_id")
    assert set(found.columns) == {"title", "domain"} and found["title"].to_dict() == {
        "office:a": "A", "office:b": "B", "beauty:a": "", "beauty:c": ""}  # fmt: skip


@pytest.mark.parametrize("of, message", [
    ("", "two or more datasets, such as of=office,beauty"),
    ("office", "two or more datasets"),
    ("office,,", "two or more datasets"),
    ("office,beuty", "did you mean 'beauty'"),
    ("office,beauty, office", "names office twice"),
    ("movielens_small,movielens-small", "names movielens-small twice"),
    ("office,csv", "csv needs options of its own, such as path="),
    ("train-test,office", "train-test needs options of its own"),
    ("preset,office", "preset needs options of its own"),
    ("office,merged", "merged needs options of its own, such as of="),
])  # fmt: skip
def test_what_cannot_be_merged_is_an_error_as_soon_as_it_is_named(of, message):
    with pytest.raises(UserError, match=message):
        open_bench("merged", options={"of": of})
    with pytest.raises(UserError, match=message):
        datasets.load("merged", of=of)


def test_a_bench_reads_it_once_and_it_is_listed(capsys, monkeypatch):
    bench, again = (open_bench("merged", profile="smoke", options={"of": TWO}) for _ in range(2))
    assert len(bench.split.test.targets) > 1_000 and "synthetic+synthetic-chain" in repr(bench)
    monkeypatch.setattr(datasets, "load", None)
    assert again.split.data_hash == bench.split.data_hash
    assert main(["datasets"]) == 0 and "merged " in capsys.readouterr().out


def test_the_code_of_every_part_is_part_of_the_key():
    stems = [file.stem for file in datasets.files("merged", {"of": "office,beauty"})]
    assert stems == ["merged", "office", "beauty"] and [f.stem for f in datasets.files("office", {})] == ["office"]


def test_office_and_beauty(real, monkeypatch):
    monkeypatch.setenv("WORKBENCH_OFFLINE", "1")
    whole = datasets.load("merged", of="office,beauty")
    assert (whole.n_users, whole.n_items, len(whole.interactions)) == (4_905 + 22_363, 2_420 + 12_101, 53_258 + 198_502)
    assert whole.order == "sequence" and not whole.has_times
    assert set(whole.items) == {"raw_id", "title", "text", "brand", "category", "domain"}
    assert {"office/apao/Office.inter.json", "beauty/s3rec/Beauty.txt"} <= set(whole.about["files"])
    assert whole.about["read"] == {"office/interactions": 53_258, "office/items with text": 2_420,
                                   "beauty/interactions": 198_502}  # fmt: skip
    assert merged.DOMAIN == "domain" and (whole.items["title"] != "").sum() > 14_000
