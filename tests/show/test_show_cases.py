"""One test case, and audit cards: distances and paths right, titles literal, a shorter history, and what could not be
measured named."""
import numpy as np
import pandas as pd
import pytest
from chromium import Browser, needed
from hostile_titles import TABLE, Cells, check_literal

from workbench import show
from workbench.data.graph import hop_distances
from workbench.diagnose.verdict.card import Card, Figure
from workbench.errors import UserError
from workbench.experiment.browse.case_study import MAX_HOPS, CaseStudy
from workbench.report.cell_outputs import figures_html
from workbench.report.page_template import html_document
from workbench.show.figures import audit
from workbench.show.figures import cases as case_figures

CARD = Card(
    (Figure("reach", 0.4, 0.35, 0.45, 0.1, "above", 900, "<b>A share</b>."), Figure("items", 12_345.0, n=3),
     Figure("slow", 0.2, 0.05, 0.3, 0.1, "above", 900, "Another.")), unmeasured={"drift": "there are no times"},
)  # fmt: skip

CROSSINGS = """(() => {
  const box = (one) => one.getBoundingClientRect();
  const found = { lines: 0, labels: 0, crossed: [] };
  for (const plot of document.querySelectorAll(".plot")) {
    const lines = [...plot.querySelectorAll(".scatterlayer .js-line")].map(box);
    const labels = [...plot.querySelectorAll(".scatterlayer .textpoint")];
    found.lines += lines.length;
    found.labels += labels.length;
    for (const label of labels) for (const line of lines) {
      const text = box(label), apart = text.right <= line.left || text.left >= line.right;
      if (!apart && text.bottom > line.top - 1.5 && text.top < line.bottom + 1.5) found.crossed.push(label.textContent);
    }
  }
  return found;
})()"""


@pytest.fixture(scope="module")
def study(bench, runs):
    return CaseStudy(bench, runs[2:], strata=np.where(bench.split.test.histories.users % 2, "odd", "even"))


def test_distances_and_the_path_are_those_of_the_train_graph(study):
    for row in range(20):
        last, target = study.history(row).items[-1], study.target(row)
        steps = hop_distances(study.transition_counts, np.array([last]), MAX_HOPS)[0]
        way = study.shortest_path(row)
        if last != target:
            assert len(way) - 1 == (steps[target] if steps[target] <= MAX_HOPS else -1)
            assert study.distances(row)["hops"][target] == steps[target]
        assert all(study.transition_counts[a, b] for a, b in zip(way, way[1:]))


def test_the_figure_shows_the_target_and_literal_titles(study):
    for row in range(20):
        figure = case_figures.plot_case(study, row)
        check_literal(figure)
        drawn = {trace.name: len(trace.x) for trace in figure.data if trace.name}
        assert drawn["last item"] == 1 and (drawn.get("target") == 1)


def test_a_run_reads_as_much_of_the_history_as_is_given(study, bench):
    row = int(np.argmax(bench.split.test.histories.lengths))
    whole, short = study.recommendations(row), study.recommendations(row, length=1)
    assert list(whole.columns) == [run.label for run in study.runs]
    assert (whole != short).any().any()
    asked = bench.split.test.histories.take(np.array([row])).last(1)
    again = study.runs[0].recommender().recommend(asked, 10, None).items[0]
    np.testing.assert_array_equal(short.iloc[:, 0], again)
    cells = Cells(case_figures.table_case_lists(study, row, length=1)._repr_html_())
    assert {tag for tag, _ in cells.tags} <= TABLE | {"p"}


def test_the_widgets_do_what_the_functions_do(study, capsys):
    which, case, graph, read, page = case_figures._widgets(study, 3, 0).children
    (number, _), (last, events) = case.children, read.children
    assert (number.description, last.description) == ("case", "last events (0: all)")
    assert page.value == case_figures.table_case_lists(study, 3)._repr_html_()
    events.value = 1
    assert page.value == case_figures.table_case_lists(study, 3, length=1)._repr_html_()
    which.value = "odd"
    rows = study.rows_of_stratum("odd").tolist()
    assert page.value == case_figures.table_case_lists(study, rows[0], length=1)._repr_html_()
    number.value = 2
    assert graph.outputs[0]["data"]["text/plain"] == case_figures.plot_case(study, rows[2]).layout.title.text
    assert page.value == case_figures.table_case_lists(study, rows[2], length=1)._repr_html_()


def test_errors_name_what_does_not_exist(study, runs, timeless):
    with pytest.raises(UserError, match="stratum 'none'"):
        study.rows_of_stratum("none")
    with pytest.raises(UserError, match="case 9999: there are cases 0 to"):
        study.history(9999)
    with pytest.raises(UserError, match="made with another data"):
        CaseStudy(timeless, runs[:1])


def test_a_card_shows_values_chance_and_what_is_missing():
    shown = show.table(CARD)
    html = shown._repr_html_()
    assert "&lt;b&gt;A share&lt;/b&gt;" in html and "Not measured: drift (there are no times)." in html
    assert [row[3] for row in shown.cells] == ["✓", "", "–"] and shown.cells[0][1] == "0.4000 [0.3500, 0.4500]"
    assert show.table(CARD, only=("item",)).cells == [["items", "12,345", "3"]], "no empty columns"
    assert show.table(CARD, name="ranking").cells == [["drift", "there are no times"]], "why there is no such table"
    ranked = Card(tables={"ranking": pd.DataFrame({"all": [0.5]})})
    assert show.table(ranked, name="ranking", digits=2).cells == [["0", "0.50"]]
    with pytest.raises(UserError, match="did you mean 'ranking'"):
        show.table(ranked, name="rankin")
    figure = audit.plot_against_null(CARD, "Shares")
    check_literal(figure)
    assert list(figure.data[0].x) == [0.1, 0.1] and [len(trace.x) for trace in figure.data[1:]] == [1, 1]
    assert "nothing could be measured" in audit.plot_against_null(CARD, "x", only=("none",)).layout.title.text


@needed
def test_the_path_crosses_no_label(study, tmp_path):
    """Measured in a browser: the boxes of all labels, and those of the lines of the path."""
    hops = {row: len(study.shortest_path(row)) for row in study.rows_of_stratum()}
    rows = [row for n in set(hops.values()) for row in [row for row in hops if hops[row] == n][:4]]
    figures = [case_figures.plot_case(study, row) for row in rows]
    page = tmp_path / "page.html"
    page.write_text(html_document("cases", figures_html(figures)), encoding="utf-8")
    browser = Browser()
    try:
        for width in (800, 1200):
            size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
            browser.call("Emulation.setDeviceMetricsOverride", **size)
            browser.open(page, f"document.documentElement.dataset.drawn === '{len(figures)}'")
            measured = browser.evaluate(CROSSINGS)
            assert measured["lines"] == sum(max(0, hops[row] - 1) for row in rows) > 4
            assert measured["labels"] > 50 and measured["crossed"] == []
    finally:
        browser.close()


def test_graph_distances_have_the_finding_as_title():
    ring = Figure("CR_1", 0.48, low=0.45, high=0.5, null=0.12, direction="above", n=9, note="One step.")
    title = audit.plot_graph_distances(Card((ring,))).layout.title.text
    assert title == "48% of 9 targets directly followed the last item in train; by chance 12%"
    assert "could not be measured" in audit.plot_graph_distances(Card(())).layout.title.text


def test_history_ablation_is_drawn_from_the_last_event_to_all():
    card = Card((Figure("HD_5", 0.9, 0.8, 1.0), Figure("HD_1", 0.5, 0.4, 0.6), Figure("OS reverse", 0.2)))
    figure = audit.plot_history_ablation({"sasrec": card})
    assert list(figure.data[0].x) == ["1", "5", "all"] and "50 % [40, 60]" in figure.layout.title.text
    with pytest.raises(UserError, match="no card of history ablation"):
        audit.plot_history_ablation({})
