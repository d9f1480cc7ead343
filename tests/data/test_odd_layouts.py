"""Layouts that users bring: JSON records, and one list of items a user; options of the command line are text."""
import gzip
import json

import pandas as pd
import pytest
from odd_logs import START, TEXT, raw, refused, written

from workbench.__main__ import main
from workbench.cli import arguments
from workbench.data import datasets
from workbench.data.datasets.csv import load

RECORDS = [{"user_id": u, "shop": {"id": 1}, "item": f"b{i}", "stars": 5.0, "date": f"2019-01-0{i + 1} 10:00:00",
            "text": 'fine, "really"\nyes'} for u in (1, "u2") for i in range(3)]  # fmt: skip
MAPPING = {"user": "user_id", "timestamp": "date", "rating": "stars", "item_title": "text"}


@pytest.mark.parametrize("text", [
    "\n".join(map(json.dumps, RECORDS)), "\n\n" + "\r\n".join(map(json.dumps, RECORDS)) + "\n", json.dumps(RECORDS),
    json.dumps(RECORDS, indent=2),
])  # fmt: skip
def test_json_records_are_read_with_the_same_column_mapping(tmp_path, text):
    data = load(path=written(tmp_path, text, "log.json"), **MAPPING)
    assert raw(data, "users") == ["1", "u2"] and raw(data) == ["b0", "b1", "b2"] and data.has_times
    assert data.interactions["rating"].tolist() == [5.0] * 6 and data.titles()[1] == 'fine, "really"\nyes'
    assert "did you mean 'user_id'" in refused(written(tmp_path, text), **MAPPING | {"user": "userid"})


GOOD = json.dumps({"user": 1, "item": "a"}) + "\n"


@pytest.mark.parametrize(("text", "message"), [
    (GOOD + '{"user": 1, "item": "b"} x\n', "line 2: not JSON"), (GOOD + '{"user": 1, "it', "line 2: not JSON"),
    (GOOD + '\n{"user": null, "item": "b"}\n', "line 3, column 'user': None is missing"),
    (GOOD + '{"item": "b"}\n', "line 2, column 'user': None is missing"),
    (GOOD + "[1]\n", "line 2: [1] is not a record"),
    ('{"user": {"id": 1}, "item": "b"}\n', "column 'user' holds records"),
    ('{"user": 1, "item": ["b"]}\n', "layout=sequences reads"),
    (json.dumps({"1": [1, 2]}), "layout=sequences reads it"),
    (json.dumps({"1": {"2": 3}}, indent=1), "one JSON object, not a record a line"),
])  # fmt: skip
def test_json_faults_name_the_line(tmp_path, text, message):
    assert message in refused(written(tmp_path, text, "log.jsonl"))


@pytest.mark.parametrize(("late", "kind"), [({"id": 3}, "a record, {'id': 3}"), (["a", "b"], "a list, ['a', 'b']")])
@pytest.mark.parametrize("array", [False, True], ids=["lines", "array"])
def test_nested_values_after_the_sample_are_refused(tmp_path, late, kind, array):
    """Beyond the records by which columns are told; a text that begins with a bracket is a text."""
    records = [{"user": n % 7, "item": f"[{n % 50}] {{song}}"} for n in range(1500)]
    text = json.dumps if array else lambda records: "".join(map("{}\n".format, map(json.dumps, records)))
    assert load(path=written(tmp_path, text(records), "log.json")).n_items == 50
    records[1200]["item"] = late
    said = refused(written(tmp_path, text(records), "log.json"))
    assert f"line 1201, column 'item' holds {kind}; the lines before hold text or numbers there" in said


LISTS = {"7": [3, 1, 3], "u": [1, 2]}
SEQUENCES = {
    "lines": "7 3 1 3\nu 1 2\n", "lines with commas and a colon": "7: 3, 1, 3\r\n\r\nu: 1, 2",
    "object": json.dumps(LISTS), "object over lines": json.dumps(LISTS, indent=1),
    "packed": gzip.compress(json.dumps(LISTS).encode()),
    "records": "\n".join(json.dumps({"user": u, "item": i}) for u, i in LISTS.items()),
}  # fmt: skip


@pytest.mark.parametrize("name", [*SEQUENCES, "parquet"])
def test_a_list_of_items_a_user(tmp_path, name):
    if name == "parquet":
        pd.DataFrame({"user": [*LISTS], "item": [*LISTS.values()]}).to_parquet(path := tmp_path / "log.parquet")
    else:
        path = written(tmp_path, SEQUENCES[name])
    data = load(path=str(path), layout="sequences")
    events = data.interactions.sort_values("row")
    assert data.items.loc[events["item"], "raw_id"].astype(str).tolist() == ["3", "1", "3", "1", "2"]
    assert data.users.loc[events["user"], "raw_id"].tolist() == ["7"] * 3 + ["u"] * 2 and data.order == "sequence"
    assert "layout=sequences" in refused(str(path)) or name.startswith("lines")


@pytest.mark.parametrize(("text", "message"), [
    ("1 5 6\n2\n", "line 2: user '2' has no items"), ("1 5 6\n2 5\n1 7\n", "line 3: user '1' has a second list"),
    (json.dumps({"1": [5, {}]}), "items must be integers or text"), (json.dumps({"1": [5], "2": []}), "has no items"),
    (json.dumps({"user": 1, "item": 2}) + "\n", "needs a column with lists of items"),
])  # fmt: skip
def test_faults_of_lists(tmp_path, text, message):
    assert message in refused(written(tmp_path, text), layout="sequences")


def test_lists_of_times_beside_the_items(tmp_path):
    rows = [{"user": 1, "item": ["a", "b"], "timestamp": [START + 1, START]},
            {"user": 2, "item": ["a"], "timestamp": [START]}]  # fmt: skip
    path = written(tmp_path, "\n".join(map(json.dumps, rows)))
    data = load(path=path, layout="sequences")
    assert data.order == "time"
    assert data.interactions.sort_values("row")["timestamp"].tolist() == [START + 1, START, START]
    rows[1]["timestamp"].append(5)
    assert "differ in length" in refused(written(tmp_path, "\n".join(map(json.dumps, rows))), layout="sequences")
    assert "did you mean 'sequences'" in refused(path, layout="seqences")
    assert "leave it out with layout=sequences" in refused(path, layout="sequences", columns="user,item")


def test_paths_and_column_names_of_the_command_line_are_text(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, TEXT.replace("user", "None").replace("item", "1.50"), "1e5")
    options = arguments.parse_options(["csv"], ["path=1e5", "user=None", "item=1.50", "columns=", "core=0"])
    assert options == {"path": "1e5", "user": "None", "item": "1.50", "columns": "", "core": 0}
    assert len(datasets.load("csv", **options).interactions) == 12
    assert arguments.parse_options(["synthetic", "csv"], ["users=200", "rating=7"]) == {"users": 200, "rating": "7"}
    assert main(["fit", "popularity", "--dataset", "csv", "--option", "path=1e5", "core=x"]) == 2
    assert "takes a whole number" in capsys.readouterr().err
