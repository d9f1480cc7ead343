"""Tables, SVG figures and user menus: aligned, rounded, sorted, and literal whatever a title says."""
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from hostile_titles import TABLE, TITLES, Cells, frame

from workbench import show
from workbench.diagnose.verdict.sentences import Sentence
from workbench.errors import UserError
from workbench.show.svg import svg_comparison
from workbench.show.tables import VERDICTS
from workbench.show.widgets import explorers


def test_svg_is_small_well_formed_and_literal():
    table = frame()
    text = svg_comparison(table)
    root = ElementTree.fromstring(text)
    place = "{http://www.w3.org/2000/svg}"
    assert len(text) < 6_000 and len(root.findall(f"{place}polygon")) == 3 and len(root.findall(f"{place}circle")) == 1
    words = [element.text for element in root.iter(f"{place}text")]
    assert "<b>new</b>" in words and "0.5000 [0.4500, 0.5500]" in words
    dots = {element.get("cx") for element in root.iter(f"{place}circle")}
    grid = [float(element.get("x1")) for element in root.findall(f"{place}line[@class='grid']")]
    left, right = grid[0], grid[-1]  # at 0 and 0.6
    assert float(dots.pop()) == pytest.approx(left + (right - left) * 0.31 / 0.6, abs=0.1)


def test_tables_are_literal_aligned_and_rounded():
    data = {"title": TITLES, "score": np.linspace(0, 1, len(TITLES)), "n": 12_345, "when": pd.Timestamp("2020-01-02")}
    table = show.table(pd.DataFrame(data).assign(gap=np.nan), digits=3, index=False)
    cells = Cells(table._repr_html_())
    assert {tag for tag, _ in cells.tags} == TABLE
    assert "<b>x</b>" in cells.words and "12,345" in cells.words and "0.077" in cells.words and "—" in cells.words
    assert "2020-01-02" in cells.words and max(map(len, cells.words)) <= 80
    sides = [attrs["style"].split("text-align: ")[1].split(";")[0] for tag, attrs in cells.tags if tag == "td"][:5]
    assert sides == ["left", "right", "right", "left", "right"]
    long = show.table(pd.DataFrame({"n": range(1000)}))
    assert len(long.cells) == 200 and "800 more rows" in repr(long)


def test_findings_are_sorted_by_verdict(report):
    table = show.table(report)
    order = [row[0] for row in table.cells]
    assert order == sorted(order, key=list(VERDICTS.values()).index) and len(order) == len(report.findings)
    assert {row[1] for row in show.table(report, only=("next-id",)).cells} <= set(report.findings["check"])
    assert all("next-id" in row[1] for row in show.table(report, only=("next-id",)).cells)


def test_a_table_shows_the_caption_that_a_frame_carries():
    numbers = pd.DataFrame({"a": [1]})
    numbers.attrs["caption"] = "1 < 2 & <b>3</b>"
    assert show.table(numbers).caption == "1 < 2 & <b>3</b>" and show.table(numbers, caption="other").caption == "other"
    assert "1 &lt; 2 &amp; &lt;b&gt;3&lt;/b&gt;" in show.table(numbers)._repr_html_()


@pytest.mark.parametrize("content", [None, "text", {"a": 1}, [1], Sentence("It can show", "x", "data", ())], ids=repr)
def test_what_cannot_be_shown_as_a_table_is_said(content):
    with pytest.raises(UserError, match=f"a {type(content).__name__} cannot be shown as a table; pass a DataFrame"):
        show.table(content)


def test_rows_by_name():
    shown = show.table({"one": {"a": 0.12345, "b": 2}, "two": {"a": 1.0, "b": 3}}, digits=2)
    assert shown.names[1:] == ["a", "b"] and [row[0] for row in shown.cells] == ["one", "two"]


def test_a_verdict_is_a_table_of_sentences():
    table = show.table([Sentence("It can show", "x" * 300, "data", ())])
    assert table.names == ["", "finding", "card"] and table.cells == [["It can show", "x" * 300, "data"]]
    assert show.table([]).caption == "Nothing was measured that supports a sentence."


def test_without_a_browser_there_are_no_widgets(bench, monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.setattr(explorers, "_user_widgets", None)
    assert isinstance(show.explore_users(bench), go.Figure)


def test_the_menu_shows_other_users(bench, in_notebook):
    users = bench.typical_users(5).tolist()
    show.explore_users(bench, n=5)
    menu, drawn, page = in_notebook[0].children
    first, figure = page.value, drawn.outputs[0]["data"]
    menu.value = users[1]
    assert page.value != first and page.value == show.table(bench.events(users[1]))._repr_html_()
    shown = drawn.outputs[0]["data"]
    assert shown != figure and shown["text/plain"] == show.plot_history(bench, users[1]).layout.title.text
    assert shown["application/vnd.plotly.v1+json"]["data"]
    for user in users:
        assert {tag for tag, _ in Cells(show.table(bench.events(user))._repr_html_()).tags} == TABLE


def test_means_of_few_users_have_no_third_decimal():
    frame = pd.DataFrame({"group": ["all", "tail"], "users": [300, 120], "base": [0.12345, 0.2], "p": [0.0012, 0.5]})
    few, many = show.table(frame, digits=3), show.table(frame.head(1), digits=3)
    assert "0.123" not in repr(few) and "0.12" in repr(few) and "0.123" in repr(many)
    assert "0.001" in repr(few), "a p-value is no mean"
    marked = frame.drop(columns="users")
    marked.attrs["cases"] = 150
    assert "0.123" not in repr(show.table(marked)) and "0.1235" in repr(show.table(frame.drop(columns="users")))
