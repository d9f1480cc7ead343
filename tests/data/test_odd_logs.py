"""Logs as users bring them: what is odd is read right where that is sure, and said where it is not."""
import pytest

from workbench.data.datasets.csv import load

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
    assert "2 of 4 rows repeat a user" not in caplog.text, "half may be anything"
    load(path=str(written(tmp_path, HEAD + "u,i,1\n" * 4 + "u,j,2\n")))
    assert "3 of 5 rows repeat a user and an item of an earlier row, and all are kept" in caplog.text
