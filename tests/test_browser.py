"""Exported pages in a real, offline browser: every figure is drawn, no requests, no console messages, no title runs as
code."""
import time

import pandas as pd
import pytest
from canned import hostile, rich
from chromium import needed

from workbench import notebooks, report, show
from workbench.report import cell_outputs, page_template
from workbench.show import theme

pytestmark = [needed, pytest.mark.usefixtures("usual_screen")]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A rich page and a hostile one, in that order."""
    folder = tmp_path_factory.mktemp("pages")
    paths = [rich(folder / "00_rich.ipynb", figures=3), hostile(folder / "01_hostile.ipynb")]
    results = [notebooks.run(path, parameters={}, out=folder / "out") for path in paths]
    return [result._replace(html=report.export_notebook(result.executed)) for result in results]


def test_every_figure_is_drawn_and_follows_the_theme(browser, pages):
    path = pages[0].html
    browser.open(path, "document.documentElement.dataset.drawn === '3'")
    assert browser.requests() == [path.resolve().as_uri()]
    assert browser.console_messages() == []
    assert browser.evaluate("[...document.querySelectorAll('.plot .main-svg .scatterlayer .trace')].length") == 6
    assert browser.evaluate("document.querySelectorAll('table').length") >= 3
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    colour = "document.querySelector('.plot')._fullLayout.font.color"
    light = browser.evaluate(colour)
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    browser.wait(f"{colour} !== '{light}'")
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    browser.call("Emulation.setEmulatedMedia", features=[])
    buttons = browser.evaluate("[...document.querySelectorAll('.modebar-btn')].map(b => b.dataset.title).join()")
    assert "Zoom" in buttons and "Share" not in buttons  # plotly.js offers to upload the chart unless told not to


def test_no_title_runs(browser, pages):
    path = pages[1].html
    browser.open(path, "document.documentElement.dataset.drawn === '1'")
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    browser.evaluate("document.querySelectorAll('main a, .plot a, .plot text').forEach(a => a.dispatchEvent("
                     "new MouseEvent('click', {bubbles: true})))")  # fmt: skip
    time.sleep(0.5)
    assert browser.evaluate("typeof window.PWN") == "undefined"
    assert browser.requests() == [path.resolve().as_uri()]


def test_the_policy_blocks_what_sanitizing_would_miss(browser, pages, tmp_path):
    """The Content Security Policy by itself: a script inserted into a finished page does not run."""
    path = tmp_path / "inserted.html"
    inserted = '<script>window.PWN=1</script><img src="http://elsewhere.test/x" onerror="window.PWN=2">'
    path.write_text(pages[0].html.read_text().replace("</main>", inserted + "</main>"))
    browser.open(path, "document.documentElement.dataset.drawn === '3'")
    assert browser.evaluate("typeof window.PWN") == "undefined"
    assert any("Content Security Policy" in message for message in browser.console_messages())


def test_the_index_opens(browser, pages):
    headline = {"sasrec": {"ndcg@10": 0.04}}
    path = report.index_page(pages, pages[0].executed.parent, headline, {"dataset": "synthetic"})
    browser.open(path, "document.querySelector('main')")
    assert browser.console_messages() == [] and browser.requests() == [path.resolve().as_uri()]
    browser.evaluate("document.querySelector('main a').click()")
    browser.wait("document.documentElement.dataset.drawn === '3'")
    assert browser.evaluate("document.title") == "Does it run?"


def test_printing_is_light_and_does_not_break_figures(browser, pages):
    """Printed from a dark screen: dark text on white, figures no wider than the page and not split over two."""
    browser.open(pages[0].html, "document.documentElement.dataset.drawn === '3'")
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.call("Emulation.setEmulatedMedia", media="print", features=dark)
    style = "getComputedStyle(document.querySelector('{}')).{}".format
    browser.wait(style("body", "backgroundColor") + " === 'rgb(255, 255, 255)'")
    assert browser.evaluate(style("body", "color")) == "rgb(0, 0, 0)"
    assert browser.evaluate(style(":root", "colorScheme")) == "light"
    assert browser.evaluate(style(".contents", "display")) == "none"
    assert browser.evaluate(style(".plot", "breakInside")) == "avoid"
    layout = "document.querySelector('.plot')._fullLayout"
    before = browser.evaluate(f"{layout}.title.font.size")
    browser.evaluate("dispatchEvent(new Event('beforeprint'))")
    for value in ("light", "dark"):  # a change of the screen does not affect the print
        browser.call("Emulation.setEmulatedMedia", media="print", features=[dark[0] | {"value": value}])
        browser.evaluate("new Promise((resolve) => setTimeout(resolve, 200))")
    browser.wait(f"{layout}.font.color === '#22272e' && {layout}.width <= 650 && {layout}.title.font.size < {before}")
    browser.evaluate("dispatchEvent(new Event('afterprint'))")
    browser.call("Emulation.setEmulatedMedia", media="", features=[])
    browser.wait(f"{layout}.title.font.size === {before}")
    assert browser.console_messages() == []


def test_a_table_is_sorted_by_its_headings(browser, tmp_path):
    """Descending, ascending, original order; by mouse and keyboard; numbers as numbers, missing values last."""
    scores = pd.DataFrame({"name": ["b", "a", "item 10", "item 9"], "score": ["0.30 [0.2, 0.4]", "—", "1,200", "-4 %"]})
    path = tmp_path / "table.html"
    path.write_text(page_template.html_document("A table", cell_outputs.table_html(show.table(scores, index=False))))
    browser.open(path, "document.querySelector('th[aria-sort]')")
    order = "[...document.querySelectorAll('tbody tr')].map(row => row.cells[0].textContent).join()"
    assert browser.evaluate("document.querySelectorAll('th[tabindex=\"0\"]').length") == 2
    browser.evaluate("document.querySelectorAll('th')[1].click()")
    assert browser.evaluate(order) == "item 10,b,item 9,a"
    assert browser.evaluate("document.querySelectorAll('th')[1].getAttribute('aria-sort')") == "descending"
    browser.evaluate("document.querySelectorAll('th')[1].focus()")
    key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
    for expected in ("item 9,b,item 10,a", "b,a,item 10,item 9"):
        browser.call("Input.dispatchKeyEvent", type="keyDown", **key)
        browser.call("Input.dispatchKeyEvent", type="keyUp", **key)
        browser.wait(f"{order} === '{expected}'")
    browser.evaluate("document.querySelectorAll('th')[0].click(); document.querySelectorAll('th')[0].click()")
    assert browser.evaluate(order) == "a,b,item 9,item 10"
    pandas = pd.DataFrame({"x": [0.5, None, -1.0, 0.25]}).to_html()
    path.write_text(page_template.html_document("A table", pandas))
    browser.open(path, "document.querySelector('th[aria-sort]')")
    browser.evaluate("document.querySelectorAll('thead th')[1].click()")
    assert browser.evaluate(order) == "0,3,2,1"
    assert browser.console_messages() == []


@pytest.mark.parametrize("format", ["png", "svg"])
def test_a_figure_is_saved_as_it_is_shown(browser, pages, tmp_path, format):
    """Under its title, on an opaque background, from a page that may not send requests."""
    browser.open(pages[0].html, "document.documentElement.dataset.drawn === '3'")
    browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    browser.evaluate(f"document.querySelector('.modebar-btn[data-title=\"Save as {format.upper()}\"]').click()")
    deadline = time.monotonic() + 120
    while not (files := list(tmp_path.glob(f"*.{format}"))):
        assert time.monotonic() < deadline, list(tmp_path.iterdir())
        time.sleep(0.1)
    assert files[0].stem == "curve-0"
    if format == "svg":
        text = files[0].read_text()
        assert "rgb(255, 255, 255)" in text and 'fill-opacity: 0"' not in text.split("</rect>")[0]
    else:
        width = int.from_bytes(files[0].read_bytes()[16:20], "big")
        assert width == 3 * browser.evaluate("document.querySelector('.plot')._fullLayout.width")


def test_a_right_to_left_title_does_not_reorder_the_text_around_it(browser, tmp_path):
    title = theme.shorten("שלום 12")
    titles, path = pd.DataFrame({"item": [f"mark {title} (3)"]}), tmp_path / "rtl.html"
    path.write_text(
        page_template.html_document("Titles", cell_outputs.table_html(show.table(titles)))
    )
    browser.open(path, "document.querySelector('td')")
    left = "".join(f"place('{part}')," for part in ("mark", "שלום", "(3)"))
    positions = browser.evaluate(
        "(() => { const text = document.querySelectorAll('td')[1].firstChild; const place = part => { const range ="
        " document.createRange(), at = text.data.indexOf(part); range.setStart(text, at); range.setEnd(text, at +"
        f" part.length); return range.getBoundingClientRect().left }}; return [{left}] }})()"
    )
    assert positions == sorted(positions) and len(set(positions)) == 3
