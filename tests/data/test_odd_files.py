"""Files as users bring them: quotes, blanks, header rows and encodings of delimited text."""
import pytest
from odd_logs import START, raw, refused, written

from workbench.data.datasets.csv import load

HEAD = "user,item,timestamp\n"


def lines_with_titles(order, separator="\t"):
    """16 events; the title of item 3 opens with a quote, that of item 5 ends with one: they balance over lines."""
    titles = {3: '"Weird Al', 5: 'Best of Al"'}
    rows = [{"user": f"{u}", "item": f"{i}", "timestamp": f"{START + 100 * u + i}", "title": titles.get(i, f"Film {i}")}
            for u in range(2) for i in range(8)]  # fmt: skip
    return "\n".join(separator.join(row[name] for name in order) for row in [{name: name for name in order}, *rows])


ORDERS = [("user", "item", "title", "timestamp"), ("user", "item", "timestamp", "title"),
          ("title", "user", "item", "timestamp")]  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("title", ["title", "none"])
def test_balanced_quotes_in_tab_separated_text_are_characters(tmp_path, caplog, order, title):
    text = lines_with_titles(order).replace("title", "title" if title == "title" else "review", 1)  # or not asked for
    data = load(path=written(tmp_path, text))
    assert len(data.interactions) == 16 and data.n_users == 2 and data.n_items == 8
    assert "4 quotes do not enclose fields and are read as characters" in caplog.text
    assert data.about["read"]["quotes"] == "4"
    if title == "title":
        assert data.items.set_index("raw_id").loc["3", "title"] == '"Weird Al'


@pytest.mark.parametrize("order", ORDERS)
def test_balanced_quotes_in_comma_separated_text_are_refused(tmp_path, order):
    path = written(tmp_path, lines_with_titles(order, ","))
    message = refused(path)
    assert "line 5: a quoted field with" in message and "quoting=none reads quotes as characters" in message
    assert len(load(path=path, quoting="none").interactions) == 16


def test_an_open_quote_in_an_item_table_swallows_nothing(tmp_path):
    log = written(tmp_path, "user\titem\n" + "".join(f"u\t{i}\n" for i in range(1, 30)), "log.tsv")
    titles = {4: '"Weird Al', 21: '12" Remix'}
    table = "item\ttitle\tgenre\n" + "".join(f"{i}\t{titles.get(i, f'Film {i}')}\tMusical\n" for i in range(1, 30))
    items = load(path=log, items=written(tmp_path, table, "items.tsv")).items.set_index("raw_id")
    assert items["title"].to_dict() == {f"{i}": titles.get(i, f"Film {i}") for i in range(1, 30)}


LINE_2 = {
    "text after a closing quote": '"a" b', "text after an empty field": '""b', "four quotes and text": '""""b',
    "separators and line breaks": '"a, b\nc"', "a long text with line breaks": '"' + "x\n" * 6000 + '"',
    "a blank before the quote": ' "a"',
}  # fmt: skip


@pytest.mark.parametrize("name", LINE_2)
def test_odd_quotes_are_refused_with_their_line_also_in_columns_nobody_asked_for(tmp_path, name):
    path = written(tmp_path, f"user,item,note\nu,i,{LINE_2[name]}\nv,j,x\n")
    assert "log.csv, line 2: a " in refused(path) and "log.csv, line 2: a " in refused(path, event="note")


@pytest.mark.parametrize("field", ['"a, b"', '"a\nb"', '"say ""a"""', '""""', '12" disc', '"' + "x" * 20_000 + '"'])
def test_well_placed_quotes_are_read(tmp_path, field):
    data = load(path=written(tmp_path, f"user,item,note\nu,i,{field}\nv,j,x\n"), event="note")
    expected = field[1:-1].replace('""', '"') if field.startswith('"') else field
    assert data.interactions.set_index("row")["event"].astype(str)[0] == expected


def test_texts_of_several_lines_are_read_where_the_user_says_so(tmp_path):
    path = written(tmp_path, 'user,item,note\nu,i,"a, b\nc"\nv,j,x\n')
    assert len(load(path=path, quoting="standard").interactions) == 2
    assert "line 3: 2 fields" in refused(path, quoting="none") or "line 2: 4 fields" in refused(path, quoting="none")
    assert "unknown quoting 'standrad'; did you mean 'standard'?" in refused(path, quoting="standrad")


@pytest.mark.parametrize(("text", "count"), [
    ("user, item, timestamp\n0, 24, 5\n0, 25, 6\n1, 24, 7\n", 6),
    ("user,item,timestamp\n0,24,5\n0,25 ,6\n1,24 ,7\n", 2),
    ("user\t item\ttimestamp\n0\t24\u00a0\t5\n0\t25\t6\n1\t24\t7 \n", 2),
    ('user;item;timestamp\n"0 ";24;5\n0;"25";6\n1;24;7\n', 1),
])  # fmt: skip
def test_blanks_around_values_and_names_are_removed_and_counted(tmp_path, caplog, text, count):
    data = load(path=written(tmp_path, text))
    assert raw(data) == ["24", "25"] and raw(data, "users") == ["0", "1"] and data.has_times
    assert data.about["read"]["blanks"] == f"{count}" and f"{count} values had blanks around them" in caplog.text


def test_blanks_in_an_item_table_do_not_break_the_join(tmp_path, caplog):
    path = written(tmp_path, "user,item\nu,a\nu,b\n")
    items = written(tmp_path, "item , title\na , A a\nb, B\n", "items.csv")
    assert load(path=path, items=items).items.set_index("raw_id")["title"].to_dict() == {"a": "A a", "b": "B"}
    assert "not in it" not in caplog.text


@pytest.mark.parametrize("text", [
    "user,item\nu,a\nuser,item\nv,b\n", "user,item\r\nu,a\r\n\ufeffuser,item\r\nuser,item\r\nv,b\r\n",
    'note,user,item\nx,u,a\nnote,"user","item"\ny,v,b\n',
])  # fmt: skip
def test_header_rows_within_a_file_are_dropped_and_counted(tmp_path, caplog, text):
    data = load(path=written(tmp_path, text))
    assert raw(data, "users") == ["u", "v"] and raw(data) == ["a", "b"]
    n = text.count("user") - 1
    assert data.about["read"]["header rows"] == f"{n}" and f"{n} rows repeat the column names" in caplog.text


def test_faults_after_a_dropped_header_row_name_their_own_line(tmp_path):
    text = HEAD + f"u,i,{START}\n" + HEAD + f"user,i,{START}\nu,i,soon\n"
    assert "line 5, column 'timestamp': 'soon'" in refused(written(tmp_path, text))


@pytest.mark.parametrize(("text", "columns"), [
    ("1::10::5::978300760\n1::11::4::978300761\n", "user,item,rating,timestamp"),
    ("1,10,5,978300760\n1,11,4,978300761\n", "user, item, rating, timestamp"),
    ("1 10 5 978300760\n1 11 4 978300761", "user,item,rating,timestamp"),
    ("2000-12-31T22:12:40Z\tx y\t1\t10\t5\n2000-12-31T22:12:41Z\tz\t1\t11\t4\n", "timestamp,_,user,item,rating"),
])  # fmt: skip
def test_a_file_without_column_names(tmp_path, text, columns):
    path = written(tmp_path, text, "ratings.dat")
    data = load(path=path, columns=columns, rating="rating")
    events = data.interactions.sort_values("row")
    assert raw(data) == ["10", "11"] and raw(data, "users") == ["1"] and events["rating"].tolist() == [5, 4]
    assert events["timestamp"].diff().iloc[1] == 1
    assert "columns=" in refused(path), "the error names the option"
    assert "fields where columns= names 3" in refused(path, columns="user,item,timestamp")


def test_double_colons_separate_named_columns_too(tmp_path):
    path = written(tmp_path, "user::item::note\n1::10::a: b\n1::11::c\n")
    assert sorted(load(path=path, event="note").interactions["event"]) == ["a: b", "c"]
    assert "line 3: 2 fields" in refused(written(tmp_path, "user::item::note\n1::10::a\n1::11\n"))
    assert "has an empty name" in refused(path, columns="user,,item")


TEXT = "user,item\nu,caf\u00e9\nv,na\u00efve\n"


@pytest.mark.parametrize(("codec", "encoding"), [
    ("utf-8-sig", ""), ("utf-16", ""), ("utf-32", ""), ("latin-1", "latin-1"), ("cp1252", "windows-1252"),
    ("utf-16-le", "utf-16-le"), ("utf-8", "latin-1"),
])  # fmt: skip
def test_encodings(tmp_path, codec, encoding):
    assert raw(load(path=written(tmp_path, TEXT.encode(codec)), encoding=encoding)) == ["caf\u00e9", "na\u00efve"]


def test_encodings_that_are_wrong_or_unknown(tmp_path):
    path = written(tmp_path, TEXT.encode("latin-1"))
    assert "line 2: not UTF-8 text" in refused(path) and "encoding=, such as latin-1" in refused(path)
    assert "unknown encoding 'latin1x'; did you mean 'latin-1'?" in refused(path, encoding="latin1x")
    assert "unknown encoding 'base64'" in refused(path, encoding="base64")
    assert "line 3: not gbk text" in refused(written(tmp_path, b"user,item\nu,a\nv,\xff\xff\n"), encoding="gbk")
    assert "utf-16-le" in refused(written(tmp_path, TEXT.encode("utf-16-le")))


def test_one_encoding_serves_a_log_and_its_item_table(tmp_path, caplog):
    path = written(tmp_path, TEXT)
    items = written(tmp_path, "item,title\ncaf\u00e9,Am\u00e9lie\nna\u00efve,x\n".encode("latin-1"), "items.csv")
    assert "Am\u00e9lie" in load(path=path, items=items, encoding="latin-1").titles()
    assert "log.csv is UTF-8 and read as such" in caplog.text
