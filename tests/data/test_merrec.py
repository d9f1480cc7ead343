"""MerRec's layout: sequences, keys, attributes, the checks of the loader, shards that do not fit, the tasks' splits."""
import numpy as np
import polars as pl
import pytest
from merrec_sample import random_shard, shard, write

from workbench.data import datasets
from workbench.data.datasets.marketplaces.merrec import _microseconds
from workbench.data.lint import lint
from workbench.data.sessions.merrec_tasks import WINDOW, event_windows, retrieval, session_based
from workbench.errors import UserError

# user 1: sequence 0 views listings 10 and 11 of product 3, and buys 10; sequence 1 likes 12, of product 4, at one time
# user 2: views 13 of product 3, buys 14 of product 5, which was not viewed; rows are not in order; one has no product
USERS, SEQUENCES = [1, 1, 1, 1, 1, 2, 2, 2], [0, 0, 0, 1, 1, 0, 0, 0]
TIMES, ITEMS = [0, 5, 9, 100, 100, 50, 40, 60], [10, 11, 10, 12, 12, 14, 13, 15]
PRODUCTS, EVENTS = [3, 3, 3, 4, 4, 5, 3, -1], [0, 0, 5, 0, 1, 5, 0, 0]


@pytest.fixture
def folder(tmp_path):
    whole = shard(USERS, SEQUENCES, TIMES, ITEMS, PRODUCTS, EVENTS)
    return write(tmp_path / "merrec", [whole[:5], whole[5:]])


def rows(dataset) -> list[tuple[str, str]]:
    """User and item of the events, by user and time."""
    log = dataset.interactions.sort_values(["user", "timestamp", "row"], kind="stable")
    pairs = zip(dataset.users["raw_id"].to_numpy()[log["user"]], dataset.items["raw_id"].to_numpy()[log["item"] - 1])
    return sorted(pairs, key=lambda pair: pair[0])


def test_a_user_is_a_sequence_and_an_item_a_product(folder):
    dataset = datasets.load("merrec", folder=str(folder))
    assert rows(dataset) == [("1_0", "p3")] * 3 + [("1_1", "p4")] * 2 + [("2_0", "p3"), ("2_0", "p5")]
    assert dataset.about["dropped"] == {"events without user, item, time or kind": 1,
                                        "events of users with fewer than 1": 0}
    assert dataset.about["read"] == {"events": 8} and len(dataset.about["files"]) == 2
    log = dataset.interactions
    assert log["timestamp"].min() == 1_682_899_200 and log["price"].tolist() == [8, 8, 8, 9, 9, 10, 8]
    assert log["event"].astype(str).tolist().count("buy_comp") == 2 and log["session"].nunique() == 3
    items = dataset.items.set_index("raw_id")
    assert items.loc["p3", ["title", "category", "brand", "size"]].tolist() == [
        "Thing 3", "Home > Room 3 > Shelf 3", "Brand 3", ""]  # fmt: skip
    assert items.loc["p5", "brand"] == "", "a brand that is written as 0 is missing"


def test_other_keys_users_events_and_shortest_sequences(folder):
    where = {"folder": str(folder), "months": "20230501"}
    listings = datasets.load("merrec", key="listing", sequences=False, **where)
    assert rows(listings)[:5] == [("1", "10"), ("1", "11"), ("1", "10"), ("1", "12"), ("1", "12")]
    assert set(listings.items["raw_id"]) == {str(n) for n in range(10, 16)}, "a listing without a product is one"
    bought = datasets.load("merrec", events="buy_start, buy_comp", **where)
    assert rows(bought) == [("1_0", "p3"), ("2_0", "p5")]
    longest = datasets.load("merrec", least=3, attributes=False, **where)
    assert rows(longest) == [("1_0", "p3")] * 3 and list(longest.items) == ["raw_id"]
    assert longest.about["dropped"]["events of users with fewer than 3"] == 4
    for option, error in (({"key": "prodct"}, "did you mean 'product'"), ({"events": "item_veiw"}, "item_view"),
                          ({"months": "20240101"}, "no parquet shards in a folder 20240101"),
                          ({"least": 9}, "no events are left of 8 read")):  # fmt: skip
        with pytest.raises(UserError, match=error):
            datasets.load("merrec", **where | option)


def test_what_the_loader_measures_is_in_the_lint_report(folder):
    dataset = datasets.load("merrec", folder=str(folder))
    found = lint(dataset).findings.set_index("check")
    # pairs of rows within a sequence: 2 + 1 + 2; one goes back in time (50, 40), one stands still (100, 100)
    assert found.loc["merrec: rows before an earlier time", "value"] == pytest.approx(1 / 5)
    assert found.loc["merrec: rows before an earlier time", "verdict"] == "warning"
    assert found.loc["merrec: rows at the same time", "value"] == pytest.approx(1 / 5)
    assert found.loc["merrec: purchases after a view", "value"] == pytest.approx(1 / 2), "14 was bought unseen"
    assert found.loc["merrec: items of one user, key=product", "value"] == pytest.approx(2 / 3), "p3 has two"
    listings = datasets.load("merrec", folder=str(folder), key="listing")
    alone = lint(listings).findings.set_index("check").loc["merrec: items of one user, key=listing"]
    assert alone["value"] == 1 and alone["verdict"] == "warning" and "key=product" in alone["note"]


@pytest.mark.parametrize(("spoil", "error"), [
    (lambda t: t.drop("color"), r"000000000001.parquet: not the schema of 000000000000.parquet: lacks color"),
    (lambda t: t.with_columns(extra=pl.lit(1)), "has extra"),
    (lambda t: t.with_columns(pl.col("price").cast(pl.Int64)), "price is Int64, there Float64"),
    (lambda t: t.drop("stime"), r"no column stime \(when\); found user_id, .*huggingface"),
    (lambda t: t.with_columns(event_id=pl.lit("item_stare")), "event_id of merrec 'item_stare'"),
])  # fmt: skip
def test_shards_of_two_schemas_and_unknown_events_are_one_error(tmp_path, spoil, error):
    whole = shard(USERS, SEQUENCES, TIMES, ITEMS, PRODUCTS, EVENTS)
    with pytest.raises(UserError, match=error):
        datasets.load("merrec", folder=str(write(tmp_path, [whole[:5], spoil(whole[5:])])))


def test_half_a_shard_is_named(folder):
    path = sorted(folder.glob("**/*.parquet"))[1]
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(UserError, match="000000000001.parquet: not a parquet file, or a part of one"):
        datasets.load("merrec", folder=str(folder))


@pytest.mark.parametrize("times", ["seconds", "milliseconds", "text"])
def test_times_are_read_as_numbers_and_as_text(tmp_path, times):
    whole = shard(USERS, SEQUENCES, TIMES, ITEMS, PRODUCTS, EVENTS)
    seconds = pl.col("stime").dt.epoch("s")
    other = {
        "seconds": seconds,
        "milliseconds": seconds * 1000,
        "text": pl.col("stime").dt.strftime("%Y-%m-%d %H:%M:%S"),
    }
    dataset = datasets.load("merrec", folder=str(write(tmp_path, [whole.with_columns(stime=other[times])])))
    assert dataset.interactions["timestamp"].min() == 1_682_899_200 and rows(dataset)[0] == ("1_0", "p3")


@pytest.fixture(scope="module")
def month(tmp_path_factory):
    made = [random_shard(seed, 3_000, products=100) for seed in range(2)]
    return datasets.load("merrec", folder=str(write(tmp_path_factory.mktemp("month"), made)))


def test_the_session_based_task(month):
    cut = session_based(month, share=0.5)
    lengths = cut.train.lengths + 2
    assert lengths.min() >= 10 and len(cut.test.targets) == len(cut.train) and cut.protocol.split == "leave-one-out"
    long = (np.bincount(month.interactions["user"]) >= 10).sum()
    assert 0.4 * long < len(cut.train) < 0.6 * long
    with pytest.raises(UserError, match="no sequence of 500 events"):
        session_based(month, least=500)


def test_windows_of_seven_items_and_what_the_event_was(month):
    rows = event_windows(month)
    log = month.interactions.sort_values(["user", "timestamp", "row"], kind="stable")
    user = int(np.bincount(log["user"]).argmax())
    own = log[log["user"] == user]
    mine = rows.users == user
    assert mine.sum() == len(own) - WINDOW
    assert (
        rows.before[mine][0].tolist() == own["item"].tolist()[:WINDOW]
        and rows.items[mine][0] == own["item"].iloc[WINDOW]
    )
    assert rows.labels["item_view"][mine].tolist() == (own["event"].astype(str) == "item_view").tolist()[WINDOW:]
    assert not (rows.labels["item_view"] & rows.labels["item_like"]).any()
    shares = np.bincount(rows.part, minlength=3) / len(rows.part)
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.05)
    assert set(event_windows(month, labels=("item_view",), shares=(0.9, 0.0, 0.1)).part) == {0, 2}


def test_the_retrieval_task_holds_out_the_ends_of_whole_sequences(month):
    cut = retrieval(month)
    log = month.interactions.sort_values(["user", "timestamp", "row"], kind="stable")
    own = log.groupby("user")["item"].apply(np.array)
    long = set(own.index[own.map(len) >= 10])
    parts = [{*np.flatnonzero(cut.train.lengths)}, *({*cases.histories.users} for cases in (cut.valid, cut.test))]
    assert set.union(*parts) == long and sum(map(len, parts)) == len(long), "a sequence is of one part, as a whole"
    assert [len(part) / len(long) for part in parts] == pytest.approx([0.7, 0.15, 0.15], abs=0.08)
    assert all(cut.train.lengths[user] == len(own[user]) for user in parts[0])
    for cases in (cut.valid, cut.test):
        assert len(cases.targets) == 4 * len(set(cases.histories.users)) and cases.offsets is None
        for case, (user, target) in enumerate(zip(cases.histories.users, cases.targets)):
            step = case % 4
            assert target == own[user][step - 4] and (cases.histories.row(case) == own[user][:-4]).all()
        assert (np.diff(cases.times.reshape(-1, 4)) >= 0).all()
    assert (cut.n_users, cut.n_items) == (month.n_users, month.n_items), "ids are those of the texts of the items"
    assert cut.data_hash == retrieval(month).data_hash != retrieval(month, held_out=2).data_hash


def test_a_retrieval_task_of_other_sizes(month):
    cut = retrieval(month, held_out=12, least=5, shares=(0.4, 0.3, 0.3))
    lengths = np.bincount(month.interactions["user"])
    assert lengths[cut.test.histories.users].min() >= 13, "something is left to ask with"
    assert len(cut.test.targets) % 12 == 0 and cut.train.lengths.sum() < 0.6 * len(month.interactions)
    for wrong, error in (({"least": 500}, "0 train, 0 validation and 0 test"), ({"held_out": 0}, "held_out=0"),
                         ({"shares": (0.8, 0.2, 0.1)}, "add up to 1"),
                         ({"shares": (0.8, 0.2, 0.0)}, "above 0")):  # fmt: skip
        with pytest.raises(UserError, match=error):
            retrieval(month, **wrong)


@pytest.mark.parametrize("kind", [pl.Int32, pl.Int64, pl.Float64])
def test_whole_seconds_of_any_width_are_microseconds(kind):
    """Times a million they do not fit 32 bits."""
    seconds = pl.DataFrame({"stime": pl.Series([1_690_000_000], dtype=kind)})
    assert seconds.select(_microseconds(kind()))["stime"].to_list() == [1_690_000_000_000_000]


def test_an_event_of_no_kind_is_left_out_and_counted(tmp_path):
    whole = shard(USERS, SEQUENCES, TIMES, ITEMS, PRODUCTS, EVENTS)
    event = pl.when(pl.int_range(pl.len()) == 1).then(None).otherwise(pl.col("event_id"))
    dataset = datasets.load("merrec", folder=str(write(tmp_path / "merrec", [whole.with_columns(event_id=event)])))
    assert len(rows(dataset)) == 6 and dataset.about["dropped"]["events without user, item, time or kind"] == 2
