"""Column mapping of user logs: excerpts in the formats of common published files."""
import gzip
import logging

import pytest

from workbench.data.datasets.csv import load
from workbench.data.formats import column_mapping
from workbench.errors import UserError

LAYOUTS = {
    "MovieLens: commas, CRLF, capitals": (
        "ratings.csv", "userId,movieId,rating,timestamp\r\n1,1,4.0,964982703\r\n1,3,4.0,964981247\r\n",
        {"user": "userId", "item": "movieId", "timestamp": "timestamp", "rating": "rating"},
        "2000-07-30", ["1", "3"],
    ),
    "RecBole: tabs and types in the header": (
        "Beauty.inter", "user_id:token\titem_id:token\ttimestamp:float\n1\t1\t1318896000\n1\t2\t1318896000.0\n",
        {"user": "user_id", "item": "item_id", "timestamp": "timestamp"}, "2011-10-18", ["1", "2"],
    ),
    "Diginetica: semicolons, sessions, dates": (
        "views.csv", "session_id;user_id;item_id;timeframe;eventdate\n1;NA;81766;526309;2016-05-09\n"
        "1;NA;31331;1031018;2016-05-09\n",
        {"user": "session_id", "item": "item_id", "timestamp": "eventdate"}, "2016-05-09", ["31331", "81766"],
    ),
    "ReChorus: tabs in a .csv": (
        "train.csv", "user_id\titem_id\ttime\n2177\t3\t965779200\n4161\t18\t1068249600\n",
        {"user": "user_id", "item": "item_id", "timestamp": "time"}, "2000-08-09", ["18", "3"],
    ),
    "RetailRocket: milliseconds": (
        "events.csv", "timestamp,visitorid,event,itemid,transactionid\n1433221332117,257597,view,355908,\n"
        "1433224214164,992329,view,248676,\n",
        {"user": "visitorid", "item": "itemid", "event": "event"}, "2015-06-02", ["248676", "355908"],
    ),
    "a shop: times with UTC, text ids, prices as ratings": (
        "shop.csv", "event_time,product_id,price,user_id\n2019-10-01 00:00:00 UTC,DIGITAL BOOK,35.79,ann\n"
        "2019-10-01 00:00:01 UTC,79323P,0.5,bob\n",
        {"user": "user_id", "item": "product_id", "timestamp": "event_time", "rating": "price"}, "2019-10-01",
        ["79323P", "DIGITAL BOOK"],
    ),
    "blanks, and days without signs": (
        "log.txt", "user item day\n7 9 20160509\n7 8 20160229\n", {"timestamp": "day"}, "2016-05-09", ["8", "9"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts(tmp_path, name):
    file, text, options, day, items = LAYOUTS[name]
    for packed in (False, True):
        (tmp_path / file).write_bytes(gzip.compress(text.encode()) if packed else text.encode())
        data = load(path=str(tmp_path / file), **options)
        assert sorted(data.items["raw_id"]) == items and data.order == "time" and len(data.interactions) == 2
        result = data.interactions.sort_values("row")["timestamp"].to_numpy().astype("datetime64[s]")
        assert str(result[0])[:10] == day
        if "rating" in options:
            assert data.interactions["rating"].max() in (4.0, 35.79)


def test_a_log_without_times_has_no_order(tmp_path):
    (tmp_path / "log.dat").write_text("userID\tartistID\tweight\n2\t51\t13883\n2\t52\t11690\n")
    data = load(path=str(tmp_path / "log.dat"), user="userID", item="artistID", rating="weight")
    assert data.order == "none" and not data.has_times


FAULTS = {
    "user,item\n": ("no rows", {}),
    "userId,movieId,timestamp\n1,1,1\n": ("Suggested options: user=userId item=movieId timestamp=timestamp", {}),
    "Customer ID;StockCode;InvoiceDate\n1;2;3\n": (
        "Suggested options: user=\"Customer ID\" item=StockCode timestamp=InvoiceDate", {}),
    "who,what\n1,1\n": ("unknown column of", {"user": "hwo", "item": "what"}),
    "1 1 2\n1 2 4\n": ("line 1: '1 1 2' are values, not names", {}),
    "1::1193::5::978300760\n": (
        "line 1: '1 1193 5 978300760' are values, not names; name all 4 columns, such as columns=user,item,rating", {}),
    "nothing\n1\n": ("only one column, 'nothing'", {}),
    "user,item,timestamp\n1,1,01/12/2009 07:45\n": ("line 2, column 'timestamp': '01/12/2009 07:45'", {}),
    "user,item,timestamp\n1,1,20160230\n1,2,01/12/2009\n": ("line 3, column 'timestamp'", {}),
    "user,item,price\n1,1,6.95\n1,1,$6.95\n": ("line 3, column 'price': '$6.95' is not a number", {"rating": "price"}),
}  # fmt: skip


@pytest.mark.parametrize("text", FAULTS)
def test_faults(tmp_path, text):
    message, options = FAULTS[text]
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(UserError) as caught:
        load(path=str(tmp_path / "log.csv"), **options)
    assert message in str(caught.value) and "log.csv" in str(caught.value)


def test_days_that_do_not_exist_are_numbers(tmp_path):
    (tmp_path / "log.csv").write_text("user,item,timestamp\n1,1,20160229\n1,2,20150229\n")
    assert load(path=str(tmp_path / "log.csv")).about["read"]["timestamp"].startswith("seconds")


def test_a_guess_needs_a_user_and_an_item():
    assert column_mapping.guess_options(["user_id:token", "item_id:token", "timestamp:float"]) == (
        "user=user_id item=item_id timestamp=timestamp")
    assert column_mapping.guess_options(["session_id", "user_id", "item_id", "eventdate"]).startswith(
        "user=user_id item=item_id"
    )
    assert column_mapping.guess_options(["who", "what"]) == column_mapping.guess_options(["user", "what"]) == ""


def test_an_absent_file_names_what_is_there(tmp_path):
    (tmp_path / "ratings.csv").write_text("user,item\n")
    with pytest.raises(UserError, match="did you mean 'ratings.csv'"):
        load(path=str(tmp_path / "rating.csv"))
    with pytest.raises(UserError, match="is a folder; .* such as ratings.csv"):
        load(path=str(tmp_path))


def test_ids_that_may_mean_missing_are_kept_and_named(tmp_path, caplog):
    (tmp_path / "log.csv").write_text("user,item\nNA,1\nNA,2\n7,1\n")
    with caplog.at_level(logging.WARNING, "workbench"):
        assert sorted(load(path=str(tmp_path / "log.csv")).users["raw_id"]) == ["7", "NA"]
    assert "2 of 3 events have the user id 'NA'" in caplog.text


def test_an_item_table_in_the_same_layout(tmp_path):
    (tmp_path / "x.inter").write_text("user_id:token\titem_id:token\n1\t1\n1\t2\n")
    (tmp_path / "x.item").write_text("item_id:token\tmovie_title:token_seq\tprice:float\n1\tToy Story\t2.5\n")
    data = load(path=str(tmp_path / "x.inter"), user="user_id", item="item_id", items=str(tmp_path / "x.item"),
                item_title="movie_title")  # fmt: skip
    row = data.items.set_index("raw_id").loc["1"]
    assert row["title"] == "Toy Story" and row["price"] == 2.5


def test_an_item_table_of_other_items_is_refused(tmp_path, caplog):
    log, shop = tmp_path / "log.csv", tmp_path / "shop.csv"
    log.write_text("user,item\n1,a\n1,b\n")
    shop.write_text("item,title\nx,Tea\ny,Cup\n")
    with pytest.raises(UserError, match="none of the log's 2 items is in it; its items are 'x', 'y'"):
        load(path=str(log), items=str(shop))
    with pytest.raises(UserError, match="two roles"):
        load(path=str(log), items=str(shop), item_title="item")
    shop.write_text("item,name,title,raw_id\na,Tea,wrong,7\na,Cup,wrong,7\n")
    with caplog.at_level(logging.WARNING, "workbench"):
        items = load(path=str(log), items=str(shop), item_title="name").items.set_index("raw_id")
    assert items["title"].fillna("").to_dict() == {"a": "Tea", "b": ""}
    assert "1 of 2 rows repeat an item" in caplog.text


def test_a_log_without_a_user_column_is_told_the_option(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("who,what\na,b\n")
    with pytest.raises(UserError, match=r"unknown column .*'user'.*user=COLUMN, which names the column of users"):
        load(path=str(path))
