"""Pages are complete, self-contained, safe for any title, and mark a failed run. No browser needed."""
import json
import os
import re
import time
from pathlib import Path

import pytest
from canned import PAYLOADS, hostile, rich, save
from html_document import Document, inert

from workbench import notebooks, report
from workbench.errors import UserError
from workbench.experiment.audit import run_audit as audits
from workbench.notebooks import RunResult
from workbench.report import page_template
from workbench.report.cell_outputs import json_block, output_html
from workbench.report.sanitize_html import align_numbers, sanitize

VOID = {"br", "hr", "img", "meta", "link", "col"}


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    result = notebooks.run(hostile(folder / "nb.ipynb"), parameters={}, out=folder / "out")
    return result._replace(html=report.export_notebook(result.executed))


@pytest.fixture(scope="module")
def fine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rich")
    result = notebooks.run(rich(folder / "00_rich.ipynb", figures=20), parameters={"seed": 3}, out=folder / "out")
    started = time.process_time()  # a page takes a twentieth of a second
    result = result._replace(html=report.export_notebook(result.executed))
    assert time.process_time() - started < 5
    return result


def test_no_title_runs(attacked):
    assert attacked.code == 1 and attacked.error.startswith("ValueError: <script>")
    text = attacked.html.read_text()
    document = inert(text)
    blocks = [json.loads(script) for kind, script in document.scripts if kind == "application/json"]
    assert len(blocks) == 1 and blocks[0]["data"][0]["x"] == PAYLOADS  # complete, and still inside its element
    assert text.count("&lt;script&gt;window.PWN=1") >= 4  # table, Styler, print, error: shown as text


def test_a_failed_run_starts_with_a_banner(attacked):
    text = attacked.html.read_text()
    banner = text[text.index('<div class="failed"') :]
    assert text.index('<div class="failed"') < text.index('class="cell')
    assert 'href="#in-10">code cell 10</a>: ValueError: &lt;script&gt;' in banner and 'id="in-10"' in banner


def test_a_page_is_complete(fine):
    assert fine.ok, fine.error
    text = fine.html.read_text()
    document = inert(text)
    assert len(text.encode()) < 8e6 and text.count(page_template.plotly_js()[:2000]) == 1
    figures = [json.loads(script) for kind, script in document.scripts if kind == "application/json"]
    assert [figure["layout"]["title"]["text"] for figure in figures] == [f"Curve {n}" for n in range(20)]
    own = text.replace(page_template.plotly_js(), "")
    assert own.count("<h1>") == 1 and "<h1>Does it run?</h1>" in own and "<title>Does it run?</title>" in own
    assert '<li><a href="#section-2">What does the table say?</a></li>' in own and '<h2 id="section-2">' in own
    assert '<li class=deep><a href="#section-4">A picture and a log</a></li>' in own
    assert "<dt>seed</dt><dd>3</dd>" in own and "<dt>data</dt><dd>ab12cd34</dd>" in own and "<dt>torch</dt>" in own
    assert '<td class="n">22363</td>' in own and '<th class="n">ndcg@10</th>' in own
    assert "item &lt;b&gt;knn&lt;/b&gt;" in own and 'href="01_next.html"' in own
    assert "<summary>40 lines of log" in own
    assert own.count('<details class="code">') == len(re.findall(r'id="in-\d+"', own)) == 9
    assert str(Path.home()) not in own and "mathjax" not in own.lower() and "require.js" not in own


def test_widgets_become_a_table(fine):
    text = fine.html.read_text()
    for name, value in {"top k": "7", "who": "all users", "masked": "on"}.items():
        assert f"<tr><th>{name}</th><td>{value}</td></tr>" in text
    assert "drawn inside" in text.split("Values of the controls")[1] and "Press me</" not in text


def test_a_page_without_figures_has_no_script(tmp_path):
    cells = [{"cell_type": "markdown", "source": ["# Why", "?\n"], "metadata": {}}]
    (tmp_path / "x.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}}))
    text = report.export_notebook(tmp_path / "x.ipynb", tmp_path / "sub" / "y.html").read_text()
    assert inert(text).scripts == [] and "script-src 'none'" in text and len(text) < 20_000
    (tmp_path / "bad.ipynb").write_text("[]")
    with pytest.raises(UserError, match="not a readable notebook"):
        report.export_notebook(tmp_path / "bad.ipynb")


def test_a_full_disk_keeps_the_old_page(fine, tmp_path, monkeypatch):
    old = tmp_path / "page.html"
    old.write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="disk is full"):
        report.export_notebook(fine.executed, old)
    assert old.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["page.html"]


def test_index(fine, attacked, tmp_path):
    dead = RunResult("07_x", False, 138, 1.5, fine.executed, None, "the kernel died <i>", 4)
    headline = {"sasrec<script>": {"ndcg@10": 0.04213, "users": 22363}, "popularity": {"ndcg@10": 0.0053}}
    path = report.index_page([fine, attacked, dead], tmp_path, headline, {"dataset": "<script>", "seed": 0})
    text = path.read_text()
    inert(text)
    assert path == tmp_path / "index.html" and len(text) < 30_000
    assert "sasrec&lt;script&gt;" in text
    assert '<td data-value="0.04213" class="n">0.0421</td>' in text
    assert '<td data-value="22363" class="n">22,363</td>' in text
    assert '<td class="n">—</td>' in text and "FAILED" in text and "the kernel died &lt;i&gt;" in text
    links = dict.fromkeys(a["href"] for tag, a in Document(text).tags if tag == "a")  # thumbnail, question
    assert [(tmp_path / link).resolve() for link in links] == [fine.html.resolve(), attacked.html.resolve()]
    flat = report.index_page([fine], tmp_path, {"ndcg@10": 0.04}, {}).read_text()
    assert '<td data-value="0.04" class="n">0.0400</td>' in flat and "FAILED" not in flat


def test_sanitizing_keeps_safe_html():
    cell = '<td style="text-align:right;position:fixed" onclick="x()">1</td>'
    kept = sanitize(f'<table class="dataframe x" border=1><tr>{cell}</tr></table>')
    assert kept.startswith('<div class="wide"><table class="dataframe"><tbody><tr>')
    assert '<td style="text-align:right" class="n">1</td>' in kept
    assert sanitize('<img src="data:image/png;base64,AA=="><img src="http://elsewhere.test/x.png">').count("src=") == 1
    assert "href" not in sanitize('<a href="data:text/html,<script>">x</a>')
    assert sanitize("<style>p{}</style><script>1</script>x<!-- y -->") == "x"


def test_only_numeric_columns_are_aligned():
    rows = "<tr><th></th><th>a</th><th>b</th></tr><tr><th>0</th><td>0.05 [0.04, 0.06]</td><td>1 item</td></tr>"
    assert align_numbers(f"<table>{rows}</table>").count('class="n"') == 4
    two = "<tr><th></th><th>ndcg</th></tr><tr><th>system</th><th></th></tr>"
    named = align_numbers(f"<table><thead>{two}</thead><tbody><tr><th>ease</th><td>0.1</td></tr></tbody></table>")
    assert '<thead><tr><th>system</th><th class="n">ndcg</th></tr></thead>' in named
    assert 'class="n"' not in align_numbers("<table><tr><td colspan=2>1</td></tr></table>").replace("colspan=2 ", "")


def test_json_is_safe_inside_a_script_element():
    assert json_block({"a": "</script>&<!--", "b": float("nan")}) == (
        '{"a":"\\u003c/script\\u003e\\u0026\\u003c!--","b":null}'
    )


def test_the_html_of_each_kind_of_output():
    show = lambda **data: output_html({"output_type": "display_data", "data": data}, {})  # noqa: E731
    assert "b&gt;" in show(**{"text/plain": "<b>"})
    assert show(**{"image/png": "AA\n=="}) == '<img alt="" src="data:image/png;base64,AA==">'
    picture = show(**{"image/svg+xml": ["<svg>", "</svg>"]})
    assert "base64," in picture and "<svg" not in picture
    assert show(**{"application/x-unknown": 1}) == ""
    assert show(**{"text/html": "<script>x</script>", "text/plain": "plain"}) == '<pre class="result">plain</pre>'


def test_a_failed_page_does_not_stop_the_series(home, tmp_path, monkeypatch):
    """An invalid parameters cell, a failing cell and a failing audit: each has its row in the index with its error."""
    parameters = 'dataset = "synthetic"\nprofile = "smoke"\noptions = {}\nsystem = "popularity"'
    glue_cell = "from workbench.notebooks import glue\nglue(metrics={'a': {'ndcg@10': 0.5}}, data_hash='ab12')"
    paths = [save(tmp_path / "nb" / "00_no.ipynb", "1", parameters="dataset = len('x')"),
             save(tmp_path / "nb" / "01_breaks.ipynb", glue_cell, "print(dataset)\nraise ValueError('here')", "2",
                  parameters=parameters)]  # fmt: skip
    monkeypatch.setattr(notebooks, "series", lambda: paths)
    monkeypatch.setattr(audits, "audit", refuse)
    failed = report.series_report("synthetic", profile="smoke", options={"users": 100}, out=tmp_path / "out")
    assert [page.name for page in failed] == ["00_no", "01_breaks", "audit"]
    text = (tmp_path / "out" / "index.html").read_text()
    inert(text)
    for words in ("00_no.ipynb: its parameters cell (code cell 1): line 1 is not a literal", "no &lt;audit&gt; today",
                  "code cell 4: ValueError: here", "<dt>torch</dt>", "<dt>data</dt><dd>ab12</dd>", "users=100"):
        assert words in text, words
    page = (tmp_path / "out" / "01_breaks.html").read_text()
    assert "FAILED" in page and '<pre class="stdout">synthetic' in page
    stored = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert stored["metrics"]["01_breaks"]["data_hash"] == "ab12" and stored["versions"]["torch"]
    assert {name: page["ok"] for name, page in stored["notebooks"].items()} == {page.name: False for page in failed}


def refuse(*_, **__):
    raise UserError("no <audit> today", code=3)


def test_a_report_has_an_audit_and_thumbnails(home, tmp_path, monkeypatch):
    path = save(tmp_path / "nb" / "00_one.ipynb", "import plotly.graph_objects as go\ngo.Figure(go.Bar(y=[1, 2]))",
                parameters='dataset = "synthetic"\nsystem = "bpr_mf"\noptions = {}')  # fmt: skip
    monkeypatch.setattr(notebooks, "series", lambda: [path])
    real, quick = audits._measurements, ("data", "systems")
    monkeypatch.setattr(audits, "_measurements", lambda *given: {name: real(*given)[name] for name in quick})
    small = {"users": 100, "items": 50}
    assert report.series_report("synthetic", profile="smoke", options=small, out=tmp_path / "out") == []
    text = (tmp_path / "out" / "index.html").read_text()
    inert(text)
    assert '<a href="audit.html">What can synthetic show?</a>' in text and text.count('<img class="thumb"') == 2
    audit = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert audit["systems"] == ["bpr_mf"] and audit["verdict"]
