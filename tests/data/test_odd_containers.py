"""Kinds of files that users bring: compressed, columnar, and folders of part files."""
import bz2
import gzip
import io
import lzma
import uuid
import zipfile

import pyarrow as pa
import pytest
from odd_logs import START, TEXT, raw, refused, written
from pyarrow import feather, orc
from pyarrow import parquet as pq

from workbench.data import datasets
from workbench.data.datasets.csv import load

TABLE = pa.table({"user": [0, 0, 1], "item": ["a", "b", "a"], "timestamp": [START, START + 1, START + 2]})


def zipped(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


PACKED = {
    "zip": zipped({"a/log.csv": TEXT, "__MACOSX/a/._log.csv": ""}), "bz2": bz2.compress(TEXT.encode()),
    "xz": lzma.compress(TEXT.encode()), "gz": gzip.compress(TEXT.encode()),
    "zst": pa.compress(TEXT.encode(), codec="zstd", asbytes=True), "gz, UTF-16": gzip.compress(TEXT.encode("utf-16")),
}  # fmt: skip


@pytest.mark.parametrize("name", PACKED)
def test_packed_files(tmp_path, name):
    data = load(path=written(tmp_path, PACKED[name], "log.csv"))  # by content, whatever the name
    assert len(data.interactions) == 12 and data.n_users == 3 and data.n_items == 4 and data.has_times
    assert "truncated or damaged" in refused(written(tmp_path, PACKED[name][:-12], "short.csv"))


OTHERS = {
    "a zip of 2 files: a.csv, b.csv; unpack it": zipped({"a.csv": TEXT, "b.csv": TEXT}),
    "an Excel workbook, which is not read; open it, choose Save as, 'CSV UTF-8": zipped({"xl/workbook.xml": "x"}),
    "an OpenDocument spreadsheet": zipped({"content.xml": "x"}), "a Python pickle": b"\x80\x04\x95",
    "a web page or XML": b"<!DOCTYPE html>\n<html>", "packed: a NumPy array": gzip.compress(b"\x93NUMPY\1\0"),
    "a packed parquet file": gzip.compress(b"PAR1" + b"\0" * 99), "a tar archive": b"x" * 257 + b"ustar",
}  # fmt: skip


@pytest.mark.parametrize("message", OTHERS)
def test_other_files_are_named_for_what_they_are(tmp_path, message):
    assert message in refused(written(tmp_path, OTHERS[message]))


def stored(folder, table, kind="parquet"):
    path = folder / f"log.{kind}"
    {"parquet": pq.write_table, "feather": feather.write_feather, "orc": orc.write_table}[kind](table, path)
    return str(path)


@pytest.mark.parametrize("kind", ["parquet", "feather", "orc"])
def test_columnar_files(tmp_path, kind):
    path = stored(tmp_path, TABLE, kind)
    assert len(load(path=path).interactions) == 3
    bad = stored(tmp_path, TABLE.set_column(1, "item", pa.array(["a", None, "b"])), kind)
    assert "row 2, column 'item': None is missing" in refused(bad)
    whole = (tmp_path / f"log.{kind}").read_bytes()
    assert "copy or download it again" in refused(written(tmp_path, whole[:-9], "short"))


TYPES = {
    "binary": ("user", [uuid.uuid5(uuid.NAMESPACE_URL, x).bytes for x in "abc"], pa.binary(16), "_binary[16]"),
    "struct": ("user", [{"id": 1}, {"id": 2}, {"id": 1}], None, "make a column of its own of id"),
    "map": ("user", [[("a", 1)]] * 3, pa.map_(pa.string(), pa.int64()), "ids must be integers or text"),
    "duration": ("timestamp", [1, 2, 3], pa.duration("ms"), "duration[ms]; times must be numbers, dates or text"),
    "time of day": ("timestamp", [1, 2, 3], pa.time32("ms"), "time32[ms]"),
    "lists": ("item", [["a"], ["a", "b"], ["b"]], None, "layout=sequences reads a row for each user"),
    "lists of ratings": ("rating", [[1.0], [2.0], []], None, "give numbers or text"),
}  # fmt: skip


@pytest.mark.parametrize("name", TYPES)
def test_a_column_of_another_type_is_named_with_its_type_and_what_is_allowed(tmp_path, name):
    column, values, dtype, expected = TYPES[name]
    table = TABLE.drop_columns([column]) if column in TABLE.column_names else TABLE
    path = stored(tmp_path, table.append_column(column, pa.array(values, dtype)))
    message = refused(path, rating="rating" if column == "rating" else None)
    assert f"column {column!r} is of type" in message and expected in message


@pytest.mark.parametrize("values", [
    pa.array([b"a", b"b ", b"a"]), pa.array(["a", " b", "a"]).dictionary_encode(),
    pa.array(["a", "b", "a"], pa.large_string()),
])  # fmt: skip
def test_text_of_other_types_is_text(tmp_path, values):
    assert raw(load(path=stored(tmp_path, TABLE.set_column(1, "item", values)))) == ["a", "b"]


def test_part_files_are_one_log_in_the_order_of_their_names(tmp_path):
    folder = tmp_path / "spark_out"
    folder.mkdir()
    for n in (1, 0):
        pq.write_table(TABLE.slice(2 * n, 2), folder / f"part-0000{n}-aa.snappy.parquet")
    for name in ("_SUCCESS", ".part-00000.crc"):
        (folder / name).write_text("")
    data = load(path=str(folder))
    assert data.interactions.sort_values("row")["timestamp"].tolist() == [START, START + 1, START + 2]
    before = datasets.file_hashes({"path": str(folder)})
    (folder / "part-00002.csv").write_text(f"user,item,timestamp\n7,c,{START}\n")
    (folder / "part-00003.csv").write_text("")
    assert len(load(path=str(folder)).interactions) == 4 and datasets.file_hashes({"path": str(folder)}) != before
    (folder / "part-00003.csv").write_text(f"user,item,timestamp\n7,c,{START}\n8,c,soon\n")
    assert "part-00003.csv, line 3, column 'timestamp': 'soon'" in refused(str(folder))
    (folder / "part-00003.csv").write_text("usr,item,timestamp\n7,c,5\n")
    assert "part-00003.csv: no column user" in refused(str(folder))
    (folder / "notes.txt").write_text("x")
    assert "is a folder" in refused(str(folder)) and "part-00000-aa" in refused(str(folder))
