"""Every published format on a small file, and on damaged ones: one error, with file and line."""
import gzip
import json
import os
import pickle

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from workbench.data.formats import amazon_reviews, atomic, delimited_text, lcrec, movielens, sequences
from workbench.data.formats.containers import safe_pickle
from workbench.data.formats.file_lookup import Content, read_plain
from workbench.data.text_cleaning import clean_text
from workbench.errors import UserError


def content(text, name="log.txt"):
    return Content(text if isinstance(text, bytes) else text.encode(), name)


def message(call, *arguments, **keywords):
    with pytest.raises(UserError) as caught:
        call(*arguments, **keywords)
    assert caught.value.code == 3
    return str(caught.value)


def test_gzip_and_plain_read_alike_and_a_cut_gzip_names_its_last_line(tmp_path):
    text = "".join(f"{n} {os.urandom(8).hex()}\n" for n in range(20_000)).encode()
    (tmp_path / "a.txt").write_bytes(text)
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(text))
    assert read_plain(tmp_path / "a.txt").data == read_plain(tmp_path / "a.txt.gz").data == text
    (tmp_path / "cut.txt.gz").write_bytes(gzip.compress(text)[: -len(gzip.compress(text)) // 2])
    error_text = message(read_plain, tmp_path / "cut.txt.gz")
    line = int(error_text.split("after line ")[1].split(";")[0].replace(",", ""))
    assert "cut.txt.gz" in error_text and 5_000 < line < 15_000 and "fresh copy" in error_text
    assert "cannot be read" in message(read_plain, tmp_path / "absent")


def test_lists_in_any_white_space():
    users, items = sequences.parse_lists(content("2 7 9\r\n1 5\t6 \n\n3 0"))
    assert users.tolist() == [2, 2, 1, 1, 3] and items.tolist() == [7, 9, 5, 6, 0]
    users, items = sequences.parse_lists(content("0 1\n1\n2 3\n"), allow_empty=True)
    assert users.tolist() == [0, 2] and items.tolist() == [1, 3]


@pytest.mark.parametrize(
    ("text", "error_text"),
    [
        ("1 2 3\n2 4 x\n", "log.txt, line 2: 'x'"), ("1 2\n\n2 -4\n", "line 3: '-4'"), ("1 2 3.5\n", "line 1: '3.5'"),
        ("1 2\n3\n4 5", "line 2: user 3 has no items"), ("1 2\n2 3\n1 4\n", "line 3: user 1 has a second list"),
        ("", "contains no lists"), ("\n \n", "contains no lists"), ("1 2\n2 99999999999999999999\n", "line 2"),
    ],
)  # fmt: skip
def test_bad_lists(text, error_text):
    assert error_text in message(sequences.parse_lists, content(text))


COLUMNS = {"user": "id", "item": "int", "rating": "float", "time": "seconds"}
HEAD = "user,item,rating,time\n"


def test_a_table_picks_its_columns_by_name():
    text = "\ufefftime,x,rating,item,user\r\n7,?,1.5, 3,a\r\n8.0,,2,4,007\r\n"
    table = delimited_text.read_table(content(text), COLUMNS, separator=",")
    assert table.rows() == [("a", 3, 1.5, 7), ("007", 4, 2.0, 8)]


@pytest.mark.parametrize(
    ("text", "error_text"),
    [
        (HEAD + "a,1,2,3\nb,x,2,3\n", "log.txt, line 3: item 'x' is not a whole number"),
        (HEAD + "a,1,2,3\n\nb,1,2,-5\n", "line 4: time '-5' is a negative time"),
        (HEAD + "a,1,2,3\nb,1,2\n", "line 3: time is missing"), (HEAD + "a,1,,3\n", "line 2: rating is missing"),
        (HEAD + "a,1,nan,3\n", "line 2: rating 'nan' is not a number"), (HEAD + ",1,2,3\n", "line 2: user is missing"),
        (HEAD + "a,1,2,3\na,1,2,3,4\n", "line 3: 5 fields, 4 expected"), ("", "the file is empty"),
        (HEAD + "a,1,2,soon\n", "line 2: time 'soon' is not a Unix time"), (HEAD + "a,1,2,1e300\n", "line 2: time"),
        ("user,item\na,1\n", "line 1: no column rating, time (found: user, item)"),
        (HEAD.encode() + b"a,1,2,3\n\xff,1,2,3\n", "line 3: not utf-8 text"),
    ],
)
def test_bad_tables(text, error_text):
    assert error_text in message(delimited_text.read_table, content(text), COLUMNS, separator=",")


def test_a_table_without_header_or_rows():
    columns = {"a": "int", "b": "int"}
    assert delimited_text.read_table(content("1\t2\n3\t4"), columns, header=False).rows() == [(1, 2), (3, 4)]
    assert "3 fields, 2 expected" in message(delimited_text.read_table, content("1\t2\t3\n"), columns, header=False)
    error_text = message(delimited_text.read_table, content("1\t2\n1\t2\t3\n"), columns, header=False)
    assert "line 2: 3 fields, 2 expected" in error_text
    assert "1 fields, 2 expected" in message(delimited_text.read_table, content("1\n2\n"), columns, header=False)
    assert "no rows" in message(delimited_text.read_table, content("a\tb\n"), columns)


def test_atomic_files_of_recbole():
    head = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    table = atomic.parse_atomic(content(f"{head}196\t242\t3\t881250949\n186\t302\t\t891717742.0\n"))
    assert table.columns == ["user_id", "item_id", "rating", "timestamp"]
    assert table["user_id"].to_list() == ["196", "186"] and table["timestamp"].to_list() == [881250949, 891717742]
    assert table["rating"].to_list() == [3.0, None]
    item = atomic.parse_atomic(content('item_id:token\tmovie_title:token_seq\tclass:token_seq\n1\tToy "S"\tA B\n', "i"))
    assert item.rows() == [("1", 'Toy "S"', "A B")]
    assert "did you mean 'a:token'" in message(atomic.parse_atomic, content("a:tokn\n1\n"))
    nobody = content("user_id:token\titem_id:token\n\t1\n")
    assert "line 2: user_id:token is missing" in message(atomic.parse_atomic, nobody)
    assert "not a RecBole" in message(atomic.parse_atomic, content("user\titem\n1\t2\n"))


def test_lcrec_files():
    inter = lcrec.parse_inter(content('{\n "0": [\n 3,\n 1],\n "1": [2]\n}'))
    assert inter.rows() == [(0, 3), (0, 1), (1, 2)]
    record = {"title": "AT&amp;T\n phone", "description": "", "brand": "X", "categories": "A, B"}
    items = lcrec.parse_items(content(json.dumps({"0": record, "1": {"title": None}})))
    assert items.rows() == [(0, "AT&T phone", "", "X", "A > B"), (1, "", "", "", "")]
    codes = lcrec.parse_index(content('{"0": ["<a_7>", "<b_0>"], "5": ["<a_1>", "<b_255>"]}'))
    assert codes.rows() == [(0, 7, 0), (5, 1, 255)]


@pytest.mark.parametrize(
    ("parse", "text", "error_text"),
    [
        (lcrec.parse_inter, '{\n"0": [1],\n"1": [2,\n', "line 4"), (lcrec.parse_inter, '{"0": [1],\n"1": []}', "2"),
        (lcrec.parse_inter, '{"0": [1],\n"1": ["2"]}', "line 2"), (lcrec.parse_inter, '{"0": [-1]}', "line 1"),
        (lcrec.parse_inter, "[1]", "no JSON object"), (lcrec.parse_inter, "", "not JSON"),
        (lcrec.parse_items, '{"0": {},\n"x": {}}', "line 2"), (lcrec.parse_index, '{"0": ["a7"]}', "code of item '0'"),
        (lcrec.parse_index, '{"0": ["<a_1>"],\n"1": ["<a_1>", "<b_2>"]}', "line 2"),
    ],
)  # fmt: skip
def test_bad_lcrec_files(parse, text, error_text):
    assert error_text in message(parse, content(text))


def review(**changes):
    record = {"reviewerID": "A1", "asin": "B1", "reviewerName": "J & K", "helpful": [0, 1], "reviewText": "Fine.",
              "overall": 5.0, "summary": "ok", "unixReviewTime": 1252800000, "reviewTime": "09 13, 2009"}  # fmt: skip
    return json.dumps({k: v for k, v in {**record, **changes}.items() if v is not None})


def test_official_reviews():
    table = amazon_reviews.parse_reviews(content("\n".join([review(), review(asin="B2", overall=1.0)]) + "\n"))
    assert table.rows() == [("A1", "B1", 5.0, 1252800000), ("A1", "B2", 1.0, 1252800000)]


@pytest.mark.parametrize(
    ("line", "error_text"),
    [
        (review(asin=None), "line 2: asin is missing"), (review(unixReviewTime=-1), "line 2: unixReviewTime -1"),
        (review(overall="five"), "line 2: overall is 'five'"), (review()[:60], "line 2: not JSON"),
        ("[1]", "line 2: reviewerID is missing"),
    ],
)
def test_bad_reviews(line, error_text):
    assert error_text in message(amazon_reviews.parse_reviews, content(f"{review()}\n{line}\n{review()}\n"))
    assert "empty" in message(amazon_reviews.parse_reviews, content(" \n"))


def test_official_metadata_of_2014_and_2018():
    old = str({"asin": "B1", "categories": [["Beauty", "Nails"], ["Beauty", "Nails", "Polish, Red"]], "price": 1299.5,
               "title": "It's &quot;OPI&quot;", "description": "Red.\nShiny", "salesRank": {"Beauty": 1}})  # fmt: skip
    new = json.dumps({"asin": "B2", "category": ["Office", "Pens"], "price": "$1,299.50", "brand": "BIC",
                      "title": "Pen", "description": ["a", "b"], "x": None, "y": True})  # fmt: skip
    other = "{'asin': 'B3', 'title': this is not even Python}"
    table = amazon_reviews.parse_metadata(content(f"{old}\n{other}\n{new}\n"), {"B1", "B2"})
    assert table.rows() == [
        ("B1", 'It\'s "OPI"', "Red. Shiny", "", "Beauty > Nails > Polish, Red", 1299.5),
        ("B2", "Pen", "a b", "BIC", "Office > Pens", 1299.5),
    ]
    error_text = message(amazon_reviews.parse_metadata, content(f"{old}\n{other}"), {"B3"})
    assert "line 2: neither JSON nor a Python dict" in error_text
    assert "line 2: a product without asin" in message(amazon_reviews.parse_metadata, content(f"{old}\n{{}}\n"), {"B3"})
    evil = "{'asin': 'B1', 'title': __import__('os').getcwd()}"
    assert "line 1" in message(amazon_reviews.parse_metadata, content(evil), {"B1"})


def test_movielens_latest():
    ratings = movielens.parse_latest_ratings(content("userId,movieId,rating,timestamp\r\n1,31,2.5,1260759144\r\n"))
    assert ratings.rows() == [(1, 31, 2.5, 1260759144)]
    films = movielens.parse_latest_films(content(
        'movieId,title,genres\r\n11,"American President, The (1995)",Comedy|Drama\r\n12,Next,(no genres listed)\r\n'
    ))  # fmt: skip
    assert films.rows() == [("11", "American President, The (1995)", "Comedy | Drama", 1995), ("12", "Next", "", None)]


def test_movielens_100k():
    flags = ["0"] * 19
    flags[1] = flags[5] = "1"
    line = "|".join(["542", "Mis\u00e9rables, Les (1995)", "01-Jan-1995", "", "http://x/y?z", *flags]) + "\n"
    films = movielens.parse_100k_films(content(line.encode("latin-1")))
    assert films.rows() == [("542", "Mis\u00e9rables, Les (1995)", "Action | Comedy", 1995)]
    assert movielens.parse_100k_ratings(content("196\t242\t3\t881250949\n")).rows() == [(196, 242, 3.0, 881250949)]
    users = movielens.parse_100k_users(content("1|24|M|technician|85711\n"))
    assert users.rows() == [("1", 24, "M", "technician", "85711")]
    assert "line 2: timestamp is missing" in message(movielens.parse_100k_ratings, content("1\t2\t3\t4\n1\t2\t3\n"))


def test_movielens_1m():
    films = movielens.parse_1m_films(content("73::Mis\u00e9rables, Les (1995)::Drama|Musical\n".encode("latin-1")))
    assert films.rows() == [("73", "Mis\u00e9rables, Les (1995)", "Drama | Musical", 1995)]
    assert movielens.parse_1m_ratings(content("1::1193::5::978300760\n")).rows() == [(1, 1193, 5.0, 978300760)]
    assert movielens.parse_1m_users(content("2::M::56::16::70072\n")).rows() == [("2", "M", 56, 16, "70072")]
    assert "line 2: rating 'x'" in message(movielens.parse_1m_ratings, content("1::2::3::4\n1::2::x::4\n"))


def test_a_matrix_is_rebuilt_and_nothing_else_is():
    matrix = sparse.csr_matrix(np.array([[0, 7], [9, 0]]))
    assert safe_pickle.parse_matrix(content(pickle.dumps(matrix))).toarray().tolist() == [[0, 7], [9, 0]]
    old = pickle.dumps(matrix.tocoo(), protocol=3).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert safe_pickle.parse_matrix(content(old)).nnz == 2

    class Evil:
        def __reduce__(self):
            return os.system, ("touch /tmp/never",)

    error_text = message(safe_pickle.parse_matrix, content(pickle.dumps(Evil()), "mat.pkl"))
    assert "mat.pkl" in error_text and "system" in error_text and "only arrays and sparse matrices" in error_text
    for broken in (pickle.dumps(matrix)[:-40], b"", b"text", pickle.dumps({"a": 1})):
        assert "not a pickled sparse matrix" in message(safe_pickle.parse_matrix, content(broken))


def test_text_is_made_readable():
    column = pl.Series(["Cr&egrave;me &amp; more", "  a\n\tb ", None, "A&B"])
    assert clean_text(column).to_list() == ["Crème & more", "a b", "", "A&B"]
