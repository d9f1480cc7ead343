"""Logs as users bring them: what is odd is read right where that is sure, and said where it is not."""
import numpy as np
import pytest

from workbench.data import datasets
from workbench.data.datasets.csv import load
from workbench.errors import UserError
from workbench.experiment import open_bench

HEAD = "user,item,timestamp\n"


def written(folder, text):
    path = folder / "log.csv"
    path.write_text(text)
    return path


def test_times_out_of_the_ordinary_are_said(tmp_path, caplog):
    load(path=str(written(tmp_path, HEAD + "u,i,1500000000\nu,j,1600000000\n")))
    assert "before 1990" not in caplog.text
    load(path=str(written(tmp_path, HEAD + "u,i,14102100\nu,j,14102101\n")))
    assert "read as seconds, 1970-06-13 to 1970-06-13, to the second: before 1990 or after today" in caplog.text


def ids_of(tmp_path, *users):
    return load(path=str(written(tmp_path, HEAD + "".join(f"{user},i{n},{n}\n" for n, user in enumerate(users)))))


@pytest.mark.parametrize(("users", "raw"), [
    (["17850.0", "17851.0", "17850.0"], {"17850", "17851"}),
    (["17850.0", "17850", "-3.00", "0.0"], {"17850", "-3", "0"}),
    (["1.0", "1.1"], {"1.0", "1.1"}),  # versions, not numbers
    (["007.0", "7.0"], {"007.0", "7.0"}),
])  # fmt: skip
def test_whole_floats_are_integers_where_all_ids_are(tmp_path, users, raw):
    data = ids_of(tmp_path, *users)
    assert set(data.users["raw_id"].astype(str)) == raw
    assert ("written with .0" in data.about["read"]["user"]) == all("." not in name for name in raw)


def test_ids_that_a_spreadsheet_rounded_are_said(tmp_path, caplog):
    assert ids_of(tmp_path, "4.410E+12", "4.411E+12", "x").n_users == 3
    assert "2 of 3 ids look rounded by a spreadsheet, such as 4.41" in caplog.text
    caplog.clear()
    ids_of(tmp_path, "B00E12", "1e", "E+12")
    assert "rounded" not in caplog.text


def test_items_that_a_table_lacks_are_said_with_a_guess_at_why(tmp_path, caplog):
    path = written(tmp_path, HEAD + "u,0108,1\nu,108,2\nv,0109,3\nv,x,4\n")
    (tmp_path / "items.csv").write_text("item,title\n108,A\n109,B\n")
    data = load(path=str(path), items=str(tmp_path / "items.csv"))
    assert "items.csv: 3 of the log's 4 items are not in it; 2 of these match without leading zeros" in caplog.text
    assert data.items["title"].notna().sum() == 1
    caplog.clear()
    (tmp_path / "items.csv").write_text("item,title\n108,A\n0108,B\n0109,C\nx,D\n")
    load(path=str(path), items=str(tmp_path / "items.csv"))
    assert "not in it" not in caplog.text


def test_a_log_of_mostly_repeats_says_so(tmp_path, caplog):
    load(path=str(written(tmp_path, HEAD + "u,i,1\n" * 3 + "u,j,2\n")))
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert not any("2 of 4 rows repeat a user" in text for text in warnings), "half may be anything"
    load(path=str(written(tmp_path, HEAD + "u,i,1\n" * 4 + "u,j,2\n")))
    assert "3 of 5 rows repeat a user and an item of an earlier row, and all are kept" in caplog.text


def priced(folder, *prices):
    path = written(folder, HEAD + "".join(f"u,i{n},{n}\n" for n in range(len(prices))))
    quoted = "".join(f'i{n},"{price}"\n' for n, price in enumerate(prices))
    (folder / "items.csv").write_text("item,price\n" + quoted)
    data = load(path=str(path), items=str(folder / "items.csv"))
    return data.items.set_index("raw_id")["price"].loc[[f"i{n}" for n in range(len(prices))]].tolist()


@pytest.mark.parametrize(("text", "value"), [
    ("12.99", 12.99), ("$12.99", 12.99), ("$1,299.00", 1299.0), ("3,50", 3.5), ("1.299,00 €", 1299.0), ("-5", -5.0),
    ("-$5", -5.0), ("USD 7", 7.0), ("US$ 7.5", 7.5), ("£1,299", 1299.0), ("1 299,50 kr", 1299.5),
    ("1'299.00 CHF", 1299.0),
    ("1,299,000", 1_299_000.0), ("1.299.000", 1_299_000.0), ("0.5", 0.5), (".5", 0.5), ("5,-", 5.0), ("1.299", 1.299),
    ("Rs. 499", 499.0),
])  # fmt: skip
def test_money_is_read_as_it_is_written(tmp_path, text, value):
    assert priced(tmp_path, text) == [value]


def test_prices_that_are_left_out_are_counted_by_reason(tmp_path, caplog):
    prices = ["$12.99", "3,50", "-5", "", "None", "—", "from 8.99", "8.99 - 12.99", "$8 to $12", "1,2,3.4.5", "free"]
    assert np.isnan(priced(tmp_path, *prices)[3:]).all()
    assert ("items.csv: of 11 prices 3 are read, 1 of them negative; the rest is missing: empty (3), a range (2), "
            "words beside a number (1), not an amount (2)") in caplog.text  # fmt: skip
    caplog.clear()
    priced(tmp_path, "1", "", "2.5")
    assert "prices" not in caplog.text


def test_a_point_before_three_digits_is_read_as_the_column_writes_its_decimals(tmp_path):
    assert priced(tmp_path, "1.299", "3,50", "12,00") == [1299.0, 3.5, 12.0]
    assert priced(tmp_path, "1.299", "3,50", "12.00") == [1.299, 3.5, 12.0], "both are written: the point stays"


RATED = "user,item,timestamp,{}\n" + "".join(f"u{n % 3},i{n},{n},{n % 3 - 1}\n" for n in range(12))


@pytest.mark.parametrize("name", ["rating", "Stars", "feedback"])
@pytest.mark.parametrize("asked", [True, False])
def test_ratings_of_nought_or_less_are_said_and_can_be_left_out(tmp_path, caplog, name, asked):
    path = written(tmp_path, RATED.format(name))
    options = {"path": str(path)} | ({"rating": name} if asked else {})
    plain = load(**options)
    said = "8 of 12 rows have a rating of 0 or less (such as -1) and count like all others; min_rating=1"
    assert said in caplog.text
    assert len(plain.interactions) == 12 and ("rating" in plain.interactions) == asked
    kept = load(**options, min_rating=1)
    assert kept.interactions["row"].tolist() == [2, 5, 8, 11]
    assert kept.about["ratings"] == {"min_rating": 1, "dropped": 8}
    assert ("rating" in kept.interactions) == asked


def test_a_least_rating_needs_ratings_and_keeps_some(tmp_path, caplog):
    for text in ("1", "5", "0.5", "good"):  # stars, and words, are as they were
        load(path=str(written(tmp_path, f"user,item,timestamp,rating\nu,i,1,{text}\nu,j,2,5\n")))
    assert "rating" not in caplog.text
    with pytest.raises(UserError, match="no row has a rating of at least min_rating=6; the highest is 5"):
        load(path=str(tmp_path / "log.csv"), min_rating=6)
    with pytest.raises(UserError, match="min_rating=1 needs a column of ratings: rating=COLUMN"):
        load(path=str(written(tmp_path, HEAD + "u,i,1\n")), min_rating=1)
    with pytest.raises(UserError, match="takes a number or None; given 'x'"):
        datasets.check_options("csv", {"min_rating": "x"})


def test_rows_are_those_of_the_file_after_every_filter(tmp_path):
    rows = ["a,x,0", "a,y,1", "b,x,1", "a,x,1", "b,x,1", "b,y,2", "c,z,3"]
    path = written(tmp_path, "user,item,rating\n" + "\n".join(rows) + "\n")
    data = load(path=str(path), timestamp="", min_rating=1, duplicates="drop-exact", core=2)
    assert data.interactions["row"].tolist() == [1, 2, 3, 5]


@pytest.mark.parametrize(("timestamp", "said"), [
    ("timestamp", "no column of timestamps, so the order of events is unknown; timestamp=COLUMN names one"), ("", ""),
])  # fmt: skip
def test_a_log_without_times_says_how_it_is_split(tmp_path, caplog, timestamp, said):
    rows = "".join(f"u{u},i{(u + n) % 7}\n" for u in range(9) for n in range(4))
    options = {"path": str(written(tmp_path, "user,item\n" + rows)), "timestamp": timestamp}
    bench = open_bench("csv", profile="smoke", options=options)
    with caplog.at_level("INFO", "workbench"):
        assert bench.dataset.order == ("none" if timestamp else "sequence")
        assert said in caplog.text and ("unknown" in caplog.text) == bool(said)
        assert repr(bench).startswith("Bench of log:") and "no titles" not in caplog.text, "there is no other column"
        bench = open_bench("csv", profile="smoke", options=options)  # read back from the store
        bench.fit("popularity")
    how = "at random: the order of its rows says nothing, unless you do" if timestamp else "in the order of its rows"
    assert f"log has no timestamps and is split {how}" in caplog.text


def test_a_log_with_columns_that_are_not_read_says_how_to_name_titles_and_times(tmp_path, caplog):
    path = written(tmp_path, "user,item,when,name\n" + "".join(f"u{n},i{n},{n},tea\n" for n in range(5)))
    with caplog.at_level("INFO", "workbench"):
        load(path=str(path))
    assert "item_title=COLUMN names them (columns not read: name, when)" in caplog.text
    assert "timestamp=COLUMN names one (columns not read: name, when)" in caplog.text
    caplog.clear()
    with caplog.at_level("INFO", "workbench"):
        load(path=str(path), item_title="name", timestamp="when")
    assert "not read" not in caplog.text
