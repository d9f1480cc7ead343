"""Reading user logs: preserved values, errors with their position, and independence of row order."""
import gzip
import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.data import Protocol, datasets, split
from workbench.data.datasets.csv import load
from workbench.data.formats import log_reader
from workbench.data.formats.containers import byte_streams
from workbench.errors import UserError

KINDS = {"user": "id", "item": "id", "timestamp": "time"}
HEAD = "user,item,timestamp\n"


def written(folder, text, name="log.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refused(path, code=3, **options):
    with pytest.raises(UserError) as caught:
        load(path=str(path), **options)
    assert caught.value.code == code and str(path) in str(caught.value)
    return str(caught.value)


ODD = ["007", "7", "NA", "null", "None", "nan", "1e3", "0x1F", "-0", "+5", "7 8", "#x", "👍🏽", 'a,"b', "two\nlines"]
ODD += ["é" * 5000]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
def test_ids_survive_as_they_are(tmp_path, separator, ending):
    quoted = ['"' + x.replace('"', '""') + '"' for x in ODD]
    rows = [["user", "item", "timestamp"], *([q, q, str(1_000_000_000 + i)] for i, q in enumerate(quoted))]
    path = written(tmp_path, "\ufeff" + ending.join(separator.join(row) for row in rows))
    data = load(path=str(path))
    raw = data.items.loc[data.interactions["item"], "raw_id"].tolist()
    assert raw == ODD == data.users.loc[data.interactions["user"], "raw_id"].tolist()
    assert data.interactions["timestamp"].tolist() == list(range(1_000_000_000, 1_000_000_000 + len(ODD)))


def test_integer_and_text_columns_give_the_same_ids(tmp_path):
    integers = written(tmp_path, HEAD + "7,-3,1\n0,9223372036854775807,2\n", "a.csv")
    text = written(tmp_path, HEAD + "7,-3,1\n0,9223372036854775807,2\n08,x,3\n", "b.csv")
    a, b = load(path=str(integers)), load(path=str(text))
    assert sorted(a.users["raw_id"]) == ["0", "7"] and sorted(b.users["raw_id"]) == ["0", "08", "7"]
    assert sorted(a.items["raw_id"]) == ["-3", "9223372036854775807"]
    assert log_reader.read(integers, KINDS).columns["user"].categories.dtype == np.int64


def test_a_column_that_turns_to_text_late_is_text_throughout(tmp_path, monkeypatch):
    monkeypatch.setattr(byte_streams, "BATCH", 256)
    path = written(tmp_path, HEAD + "".join(f"{i % 9},{i},5\n" for i in range(500)) + "007,500,5\n")
    data = load(path=str(path))
    assert data.users.loc[data.interactions["user"], "raw_id"].tolist() == [*(str(i % 9) for i in range(500)), "007"]


@pytest.mark.parametrize(
    ("values", "seconds", "unit"),
    [
        (["0", "1500000000"], [0, 1_500_000_000], "seconds"),
        (["1500000000999", "1500000001000"], [1_500_000_000, 1_500_000_001], "milliseconds"),
        (["1500000000999999", "1500000001000000"], [1_500_000_000, 1_500_000_001], "microseconds"),
        (["1500000000.9", "1.5e9"], [1_500_000_000, 1_500_000_000], "seconds"),
        (["1970-01-02", "2017-07-14 02:40:00"], [86_400, 1_500_000_000], "dates"),
        (["2017-07-14T02:40:00Z", "2017-07-14T04:40:00.5+02:00"], [1_500_000_000, 1_500_000_000], "dates"),
        (["20170714024000", "20191101092232"], [1_500_000_000, 1_572_600_152], "dates"),  # not the year 2609
        (["201707140240", "201911010922"], [1_500_000_000, 1_572_600_120], "dates"),
        (["2017071402", "2019110109"], [1_499_997_600, 1_572_598_800], "dates"),
        (["2017071402", "2019110160"], [2_017_071_402, 2_019_110_160], "seconds"),  # no hour 60
    ],
)
def test_times(tmp_path, values, seconds, unit):
    data = load(path=str(written(tmp_path, HEAD + "".join(f"u,i,{v}\n" for v in values))))
    assert data.interactions["timestamp"].tolist() == seconds and data.order == "time"
    assert data.about["read"]["timestamp"].startswith(unit)


GOOD = "u,i,5\n"
LONG = HEAD + "".join(f"u{i},{i},{i}\n" for i in range(9000))
FAULTS = {
    "negative": (HEAD + GOOD + "u,i,-5\n", "line 3, column 'timestamp': '-5' is before 1970"),
    "missing time": (HEAD + GOOD * 3 + "u,i,\n" + GOOD, "line 5, column 'timestamp': '' is missing"),
    "missing user": (HEAD + GOOD + ",i,5\n", "line 3, column 'user': '' is missing"),
    "not a time": (HEAD + '"u\nv",i,5\n' + GOOD + "u,i,tomorrow\n", "line 5, column 'timestamp': 'tomorrow' is not"),
    "not finite": (HEAD + "u,i,5.5\nu,i,nan\n", "line 3, column 'timestamp': 'nan' is not a timestamp"),
    "two units": (HEAD + "u,i,1500000000000\nu,i,1500000000\n", "line 3, column 'timestamp': '1500000000' is not in"),
    "short row": (HEAD + GOOD + "u,i\n" + GOOD, "line 3: 2 fields where line 1 names 3 columns"),
    "long row": (HEAD + GOOD + "\nu,i,5,6\n", "line 4: 4 fields where line 1 names 3 columns"),
    "open quote": (HEAD + GOOD + 'u,"i,5\n' + GOOD * 9, "line 3: a quote is not closed"),
    "open quote at the end": ("timestamp,user,item\n5,u,i\n" + '5,u,"i\n5,u,i\n', "line 3: a quote is not closed"),
    "not UTF-8": (HEAD.encode() + b"u,caf\xe9,5\n", "line 2: not UTF-8"),
    "UTF-16 head only": ("user,item,timestamp\n".encode("utf-16"), "no rows"),
    "UTF-16 without its mark": (HEAD.encode("utf-16-le"), "line 1: not UTF-8"),
    "returns alone": (HEAD.replace("\n", "\r") + "u,i,5\r", "line 1: lines end in a carriage return alone"),
    "empty": ("", "line 1: empty; the first line must name the columns"),
    "header only": (HEAD, "no rows"),
    "truncated gzip": (gzip.compress(LONG.encode())[:-9000], "the file is truncated"),
    "truncated parquet": (b"PAR1 and no more", "not a complete parquet file"),
    "one name twice": ("user,item,item\nu,i,j\n", "2 columns are called 'item'"),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("batch", [2 << 20, 64])
def test_faults_name_file_line_and_remedy(tmp_path, monkeypatch, name, batch):
    monkeypatch.setattr(byte_streams, "BATCH", batch)
    content, expected = FAULTS[name]
    assert expected in refused(written(tmp_path, content))


def test_unknown_columns_and_policies(tmp_path):
    path = written(tmp_path, HEAD + GOOD)
    assert "did you mean 'user'" in refused(path, code=2, user="usr")
    assert "Allowed: item, timestamp, user" in refused(path, code=2, timestamp="when")
    assert "two roles" in refused(path, code=2, item="user")
    assert "lower core" in refused(path, core=3)
    assert "no such file" in refused(tmp_path / "other.csv")
    with pytest.raises(UserError, match="did you mean 'first'"):
        load(path=str(path), duplicates="frist")
    with pytest.raises(UserError, match="path=FILE"):
        load()
    with pytest.raises(UserError, match="columns of users and items"):
        load(path=str(path), user="")
    with pytest.raises(UserError, match="at least 0"):
        load(path=str(path), core=-1)
    assert "no such file" in refused("a" * 5000)


@pytest.mark.parametrize("option, takes", [
    ({"core": "x"}, "takes a whole number; given 'x', which is str"), ({"core": True}, "takes a whole number"),
    ({"path": [1]}, "takes text or None; given [1]"), ({"user": None}, "takes text; given None"),
])
def test_an_option_of_another_type_is_refused_before_anything_is_read(option, takes):
    with pytest.raises(UserError) as error:
        datasets.check_options("csv", option)
    assert takes in str(error.value)


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="no file here that even root cannot read")
def test_a_file_that_cannot_be_read_says_so():
    with pytest.raises(UserError, match="cannot be read"):
        datasets.file_hashes({"path": "/proc/self/mem"})


def test_without_times_only_the_user_can_say_that_the_file_is_in_order(tmp_path):
    path = written(tmp_path, "user,item\n" + "".join(f"u,{i}\n" for i in range(5)))
    assert load(path=str(path)).order == "none"
    data = load(path=str(path), timestamp="")
    assert data.order == "sequence"
    whole = split(data, Protocol(ties="file")).test.histories.row(0)
    assert data.items.loc[whole, "raw_id"].tolist() == ["0", "1", "2", "3"]


def test_duplicates(tmp_path):
    rows = ["u,a,9,1", "u,a,3,1", "u,b,4,1", "u,a,9,1", "u,a,9,2", "v,a,9,1"]
    path = written(tmp_path, "user,item,timestamp,stars\n" + "\n".join(rows))
    kept = {}
    for policy in ("keep", "first", "last", "drop-exact"):
        data = load(path=str(path), duplicates=policy, rating="stars")
        kept[policy] = data.interactions["row"].tolist()
        assert data.about["duplicates"] == {"policy": policy, "repeats": 3, "dropped": 6 - len(kept[policy])}
        assert data.interactions["rating"].tolist() == [float(rows[r][-1]) for r in kept[policy]]
    assert kept == {"keep": [0, 1, 2, 3, 4, 5], "first": [1, 2, 5], "last": [2, 4, 5], "drop-exact": [0, 1, 2, 4, 5]}
    data = load(path=str(path), duplicates="drop-exact", rating="stars", core=2)
    assert data.interactions["row"].tolist() == [0, 1, 4]


def test_items_parquet_gzip_and_core(tmp_path):
    users, items = np.repeat(np.arange(3), 3), np.tile(np.arange(3), 3)
    log = pd.DataFrame({"user": [*users, 9], "item": [*items, 9], "timestamp": range(10)}).assign(kind="view")
    log.to_csv(tmp_path / "log.tsv.gz", sep="\t", index=False)
    log.assign(timestamp=pd.to_datetime(log["timestamp"], unit="s")).to_parquet(tmp_path / "log.parquet")
    title = "NA, " + "x" * 10_000
    catalogue = pd.DataFrame({"item": [0, 1, 77], "name": ["null", title, "z"], "price": ["", "2.5", "1"]})
    catalogue.to_csv(tmp_path / "items.csv", index=False)
    loaded = [
        load(path=str(tmp_path / name), items=str(tmp_path / "items.csv"), item_title="name", event="kind", core=3)
        for name in ("log.tsv.gz", "log.parquet")
    ]
    a, b = (data.interactions for data in loaded)
    pd.testing.assert_frame_equal(a, b)
    assert len(a) == 9 and loaded[0].about["core"] == {"core": 3, "read": 10, "kept": 9} and set(a["event"]) == {"view"}
    by_raw = loaded[0].items.set_index("raw_id")
    assert by_raw.loc["0", "title"] == "null" and by_raw.loc["1", "title"] == title and by_raw.loc["1", "price"] == 2.5
    loaded[0].save(tmp_path)
    assert type(loaded[0]).load(tmp_path).interactions["event"].tolist() == ["view"] * 9


def test_a_shop_s_export_has_its_titles_in_the_log(tmp_path):
    """A byte-order mark, names with blanks, ISO dates with a zone, line breaks in quotes, titles beside the events."""
    lines = ["\ufeffInvoice,StockCode,Description,InvoiceDate,Customer ID",
             '1,A1,,2010-12-01T08:26:00+02:00,17850', '1,B2,"HEART\nLANTERN",2010-12-01T06:26:01Z,17850',
             '2,A1,"MUG, RED",2010-12-02T00:00:00+02:00,13047', '3,A1,MUG,2010-12-03T00:00:00+02:00,13047',
             '3,C3,,2010-12-03T00:00:00+02:00,13047']  # fmt: skip
    path = str(written(tmp_path, "\n".join(lines)))
    shop = {"user": "Customer ID", "item": "StockCode", "timestamp": "InvoiceDate"}
    data = load(path=path, **shop, item_title="Description")
    assert data.items.set_index("raw_id")["title"].dropna().to_dict() == {"A1": "MUG, RED", "B2": "HEART\nLANTERN"}
    times = data.interactions["timestamp"].to_numpy()
    assert times[1] - times[0] == 1 and times[0] == 1_291_184_760
    assert "title" not in load(path=path, **shop).items and "title" not in data.interactions
    error_text = refused(path, code=2, item_title="Descripton", **shop)
    assert "did you mean 'Description'" in error_text and "item_title=Description" in error_text


def test_blank_titles_in_the_log_are_skipped(tmp_path):
    log = pd.DataFrame({"user": ["u"] * 4, "item": [*"abca"], "timestamp": range(4), "title": [" ", None, "C", "A"]})
    log.to_parquet(path := tmp_path / "log.parquet")
    assert load(path=str(path)).items.set_index("raw_id")["title"].dropna().to_dict() == {"a": "A", "c": "C"}
    path = written(tmp_path, "user,item,timestamp,title\nu,a,1,A\nu,b,2,B\nu,c,3,C\n")
    for other in ({"item": "title"}, {"item": "title", "item_title": "title"}, {"event": "title"}):
        assert "title" not in load(path=str(path), **other).items, "the column serves another purpose"
    for odd, kind in (([["a"], ["b"], [], []], "list"), ([b"\xff"] * 4, "binary")):
        log.assign(title=odd).to_parquet(tmp_path / "odd.parquet")
        assert f"is of type {kind}" in refused(str(tmp_path / "odd.parquet"))


def test_parquet_faults_name_the_row(tmp_path):
    path = tmp_path / "log.parquet"
    pd.DataFrame({"user": ["u", None], "item": ["i", "j"], "timestamp": [1, 2]}).to_parquet(path)
    assert "row 2, column 'user': None is missing" in refused(path)
    pd.DataFrame({"user": [0.5], "item": ["i"], "timestamp": [1]}).to_parquet(path)
    assert "ids must be integers or text" in refused(path)


events = st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 3))


@settings(max_examples=8, deadline=None)
@given(st.lists(events, min_size=6, max_size=40), st.randoms(use_true_random=False))
def test_row_order_does_not_matter_under_hashed_ties(tmp_path_factory, rows, random):
    rows += [(4, i, 1) for i in range(3)]  # someone to ask about
    folder, seen = tmp_path_factory.mktemp("shuffled"), set()
    for _ in range(20):
        random.shuffle(rows)
        data = load(path=str(written(folder, HEAD + "".join(f"{u},{i},{t}\n" for u, i, t in rows))))
        part = split(data, Protocol(ties="hash"))
        histories = part.test.histories
        seen.add((part.data_hash, *(a.tobytes() for a in (histories.offsets, histories.items, part.test.targets))))
    assert len(seen) == 1
