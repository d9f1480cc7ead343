"""Pages in a browser: tables save themselves, printing unfolds, figures fit their width, the reference is searched."""
import time

import pandas as pd
import plotly.graph_objects as go
import pytest
from canned import rich
from chromium import needed, press

from workbench import notebooks, report, show
from workbench.report import cell_outputs, page_template
from workbench.report.api_reference import reference_page
from workbench.show import theme

pytestmark = [needed, pytest.mark.usefixtures("usual_screen")]
LONG = "A title that says at length what the figure shows, so long that it needs more than one line on any screen"
CLEAR = """(() => {
  const bar = document.querySelector('.plot .modebar').getBoundingClientRect();
  const clear = (a) => a.right <= bar.left || a.top >= bar.bottom - 4;
  const lines = document.querySelectorAll('.gtitle tspan.line, .gtitle:not(:has(.line))');
  return [...lines].every((line) => clear(line.getBoundingClientRect()));
})()"""
INSIDE = """(() => {
  const svg = document.querySelector('.plot .main-svg').getBoundingClientRect();
  const outside = (box) => box.left < svg.left - 1 || box.right > svg.right + 1 || box.bottom > svg.bottom + 1;
  const texts = [...document.querySelectorAll('.plot text')];
  return texts.filter((text) => outside(text.getBoundingClientRect())).map((text) => text.textContent);
})()"""


def test_a_table_saves_itself_in_full(browser, tmp_path):
    """By keyboard, offline, in the order shown, with the numbers behind the rounded ones, and not on paper."""
    scores = pd.DataFrame({"name": ["e", 'a "b", c', "d"], "score": [0.1, 0.123456789, 0.5], "n": [0, 12101, 3]})
    path = tmp_path / "table.html"
    table = cell_outputs.table_html(show.table(scores, index=False))
    path.write_text(page_template.html_document("Scores", f"<h2>Some scores</h2>{table}"))
    browser.open(path, "document.querySelector('button.save') && document.querySelector('th[aria-sort]')")
    browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    browser.evaluate("document.querySelectorAll('th')[1].click(); document.querySelector('button.save').focus()")
    assert browser.evaluate("document.querySelector('td').textContent") == "d"
    press(browser, " ")
    deadline, file = time.monotonic() + 20, tmp_path / "some-scores.csv"
    while not file.exists():
        assert time.monotonic() < deadline, list(tmp_path.iterdir())
        time.sleep(0.1)
    pd.testing.assert_frame_equal(pd.read_csv(file), scores.iloc[[2, 1, 0]].reset_index(drop=True))
    assert browser.requests() == [path.resolve().as_uri()] and browser.console_messages() == []
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.evaluate("getComputedStyle(document.querySelector('button.save')).display") == "none"


def test_printing_unfolds_everything_and_folds_it_again(browser, tmp_path):
    result = notebooks.run(rich(tmp_path / "00_rich.ipynb"), parameters={}, out=tmp_path / "out")
    browser.open(report.export_notebook(result.executed), "document.documentElement.dataset.drawn === '2'")
    browser.evaluate("document.querySelector('details').open = true")
    folded, n = "document.querySelectorAll('details:not([open])').length", "document.querySelectorAll('details').length"
    before = browser.evaluate(folded)
    assert before == browser.evaluate(n) - 1 > 3
    browser.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert browser.evaluate(folded) == 0
    browser.evaluate("dispatchEvent(new Event('afterprint'))")
    assert browser.evaluate(folded) == before and browser.evaluate("document.querySelector('details').open")


def test_titles_stay_clear_of_the_toolbar_and_nothing_is_cut(browser, tmp_path):
    """At three widths; a resized window lays the figure out again."""
    lines = [go.Scatter(x=[1, 2], y=[0, 1], name=f"system {n}") for n in range(3)]
    figure = theme.finish(go.Figure(lines), LONG, subtitle=LONG, x="a long title of the horizontal axis, in words")
    figure.update_yaxes(tickvals=[0, 1], ticktext=["A label of a row that is long " * 2, "short"])
    path = tmp_path / "figure.html"
    figures = f'<div class="sheet">{cell_outputs.figures_html([figure])}</div>'
    path.write_text(page_template.html_document("Figure", figures))
    box = "document.querySelector('.plot {}').getBoundingClientRect()".format
    for width in (1200, 400, 800):
        browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        if width == 1200:
            browser.open(path, "document.documentElement.dataset.drawn === '1'")
        browser.wait(f"Math.abs({box('.main-svg')}.width - document.querySelector('.plot').clientWidth) < 2")
        browser.wait(CLEAR)
        assert browser.evaluate(INSIDE) == [], width
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), width


def test_labels_of_marks_are_cut_where_the_next_begins(browser, tmp_path):
    """In a narrow figure, without scrolling; a wide one has them in full, also after it was narrow."""
    places, names = [0, 1, 2, 3], [f"{n} hops from the last item" for n in range(4)]
    figure = go.Figure(go.Scatter(x=places * 2, y=[0] * 4 + [1] * 4, mode="markers+text", text=names * 2,
                                  textposition="middle right", cliponaxis=False))  # fmt: skip
    figure.add_bar(x=[1.2], y=[2], orientation="h", text=["1,234 cases"], textposition="outside", cliponaxis=False)
    figure.update_xaxes(tickvals=places, ticktext=names, side="top", range=[-0.6, 4])
    path = tmp_path / "figure.html"
    figures = f'<div class="sheet">{cell_outputs.figures_html([theme.finish(figure, LONG, subtitle=LONG)])}</div>'
    path.write_text(page_template.html_document("Figure", figures))
    texts = "[...document.querySelectorAll('.textpoint text')]"
    apart = f"{texts}.every((a, i, all) => i % 4 === 3 || a.getBoundingClientRect().right <= " \
        "all[i + 1].getBoundingClientRect().left)"
    ticks = "[...document.querySelectorAll('.xtick text')].map((text) => text.getBoundingClientRect())"
    below = "document.querySelector('.gtitle').getBoundingClientRect().bottom"
    plot = "document.querySelector('.plot')"
    browser.open(path, "document.documentElement.dataset.drawn === '1'")
    for width in (1200, 400, 1200):
        browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        full = f"{texts}.every((text) => text.textContent.endsWith('the last item'))"
        browser.wait(full if width == 1200 else f"!{full} && {apart}")
        browser.wait(f"{INSIDE}.length === 0 && {plot}.scrollWidth <= {plot}.clientWidth")
        browser.wait(f"{ticks}.every((a, i, all) => a.top > {below} && (!i || a.left >= all[i - 1].right))")


def test_the_reference_is_searched_as_one_types(browser, tmp_path):
    """`/` moves to the box, entries that do not match are hidden, and the nearest name stands in for none."""
    path = reference_page(tmp_path)
    browser.open(path, "document.querySelector('#matches').textContent.endsWith('names')")
    shown = "[...document.querySelectorAll('.entry:not([hidden])')].map((entry) => entry.dataset.name)"
    total = len(browser.evaluate(shown))
    press(browser, "/")
    assert browser.evaluate("document.activeElement.id") == "search"
    for letter in "unknown_name":
        press(browser, letter)
    assert browser.evaluate("document.querySelector('#search').value") == "unknown_name"
    found = browser.evaluate(shown)
    assert "workbench.errors.unknown_name" in found and len(found) < 5
    assert browser.evaluate("document.querySelector('#matches').textContent") == f"{len(found)} of {total} match"
    press(browser, "q")
    assert browser.evaluate(shown) == []
    assert browser.evaluate("document.querySelector('#matches button').textContent") == "workbench.errors.unknown_name"
    browser.evaluate("document.querySelector('#matches button').click()")
    assert browser.evaluate(shown) == ["workbench.errors.unknown_name"]
    press(browser, "Escape")
    assert len(browser.evaluate(shown)) == total
    assert browser.console_messages() == [] and browser.requests() == [path.resolve().as_uri()]
