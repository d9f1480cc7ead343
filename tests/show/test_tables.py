"""Tables, pictures for a README and menus: aligned, rounded, gravest first, and literal whatever a title says."""
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from hostile_shop import TABLE, TITLES, Cells, frame

from workbench import show
from workbench.show.widgets import explorers


def test_svg_is_small_well_formed_and_literal():
    table = frame()
    text = show.svg_comparison(table)
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


def test_findings_come_gravest_first(report):
    table = show.findings(report)
    order = [row[0] for row in table.cells]
    assert order == sorted(order, key=list(show.tables.VERDICTS.values()).index) and len(order) == len(report.findings)
    assert {row[1] for row in show.findings(report, only=("next-id",)).cells} <= set(report.findings["check"])
    assert all("next-id" in row[1] for row in show.findings(report, only=("next-id",)).cells)


def test_without_a_browser_the_figure_is_all(bench, monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.setattr(explorers, "_users", None)
    assert isinstance(show.explore_users(bench), go.Figure)


def test_the_menu_walks_through_users(bench, listening):
    users = show.typical_users(bench, 5).tolist()
    show.explore_users(bench, n=5)
    menu, drawn, page = listening[0].children
    first, figure = page.value, drawn.outputs[0]["data"]
    menu.value = users[1]
    assert page.value != first and page.value == show.table(show.events(bench, users[1]))._repr_html_()
    shown = drawn.outputs[0]["data"]
    assert shown != figure and shown["text/plain"] == show.history(bench, users[1]).layout.title.text
    assert shown["application/vnd.plotly.v1+json"]["data"]
    for user in users:
        assert {tag for tag, _ in Cells(show.table(show.events(bench, user))._repr_html_()).tags} == TABLE
