"""One test case and cards in front of a person: rings and ways right, titles literal, a shorter history read, and what
could not be measured said."""
import numpy as np
import pandas as pd
import pytest
from hostile_shop import TABLE, Cells, check_literal

from workbench.data.graph import distances
from workbench.diagnose.verdict.card import Card, Figure
from workbench.errors import UserError
from workbench.experiment.browse.case_study import DEPTH, Cases
from workbench.show.figures import audit
from workbench.show.figures import cases as faces

CARD = Card(
    (Figure("reach", 0.4, 0.35, 0.45, 0.1, "above", 900, "<b>A share</b>."), Figure("items", 12_345.0, n=3),
     Figure("slow", 0.2, 0.05, 0.3, 0.1, "above", 900, "Another.")), unmeasured={"drift": "there are no times"},
)  # fmt: skip


@pytest.fixture(scope="module")
def glass(bench, runs):
    return Cases(bench, runs[2:], labels=np.where(bench.split.test.histories.users % 2, "odd", "even"))


def test_rings_and_the_way_are_those_of_the_train_graph(glass):
    for row in range(20):
        last, target = glass.history(row).items[-1], glass.target(row)
        steps = distances(glass.follows, np.array([last]), DEPTH)[0]
        way = glass.way(row)
        if last != target:
            assert len(way) - 1 == (steps[target] if steps[target] <= DEPTH else -1)
            assert glass.rings(row)["ring"][target] == steps[target]
        assert all(glass.follows[a, b] for a, b in zip(way, way[1:]))


def test_the_figure_shows_the_answer_and_takes_titles_as_they_are(glass):
    for row in range(20):
        figure = faces.case_rings(glass, row)
        check_literal(figure)
        drawn = {trace.name: len(trace.x) for trace in figure.data if trace.name}
        assert drawn["last item"] == 1 and (drawn.get("came next") == 1)


def test_a_run_is_asked_with_as_much_of_the_history_as_is_given(glass, bench):
    row = int(np.argmax(bench.split.test.histories.lengths))
    whole, short = glass.answers(row), glass.answers(row, length=1)
    assert list(whole.columns) == [run.label for run in glass.runs]
    assert (whole != short).any().any()
    asked = bench.split.test.histories.take(np.array([row])).last(1)
    again = glass.runs[0].recommender().recommend(asked, 10, None).items[0]
    np.testing.assert_array_equal(short.iloc[:, 0], again)
    cells = Cells(faces.case_lists(glass, row, length=1)._repr_html_())
    assert {tag for tag, _ in cells.tags} <= TABLE | {"p"}


def test_the_controls_do_what_the_functions_do(glass, capsys):
    which, case, graph, read, page = faces._controls(glass, 3, 0).children
    (number, _), (last, events) = case.children, read.children
    assert (number.description, last.description) == ("case", "read last (0: all events)")
    assert page.value == faces.case_lists(glass, 3)._repr_html_()
    events.value = 1
    assert page.value == faces.case_lists(glass, 3, length=1)._repr_html_()
    which.value = "odd"
    assert page.value == faces.case_lists(glass, int(glass.of("odd")[0]), length=1)._repr_html_()
    number.value = 2
    assert graph.outputs[0]["data"]["text/plain"] == faces.case_rings(glass, int(glass.of("odd")[2])).layout.title.text
    assert page.value == faces.case_lists(glass, int(glass.of("odd")[2]), length=1)._repr_html_()


def test_what_there_is_not_is_named(glass, runs, timeless):
    with pytest.raises(UserError, match="stratum 'none'"):
        glass.of("none")
    with pytest.raises(UserError, match="case 9999: there are cases 0 to"):
        glass.history(9999)
    with pytest.raises(UserError, match="made with another data"):
        Cases(timeless, runs[:1])


def test_a_card_shows_value_chance_and_what_is_missing():
    shown = audit.figures(CARD)
    html = shown._repr_html_()
    assert "&lt;b&gt;A share&lt;/b&gt;" in html and "drift: there are no times." in html
    assert [row[3] for row in shown.cells] == ["✓", "", "–"] and shown.cells[0][1] == "0.4000 [0.3500, 0.4500]"
    assert audit.figures(CARD, only=("item",)).cells == [["items", "12,345", "3"]], "no empty columns"
    figure = audit.against_chance(CARD, "Shares")
    check_literal(figure)
    assert list(figure.data[0].x) == [0.1, 0.1] and [len(trace.x) for trace in figure.data[1:]] == [1, 1]
    assert "nothing could be measured" in audit.against_chance(CARD, "x", only=("none",)).layout.title.text


def test_rings_say_what_they_found():
    ring = Figure("CR_1", 0.48, low=0.45, high=0.5, null=0.12, toward="above", n=9, note="One step.")
    title = audit.rings(Card((ring,))).layout.title.text
    assert title == "48% of the answers directly followed the last item in train; by chance 12%"
    assert "could not be measured" in audit.rings(Card(())).layout.title.text


def test_memory_is_drawn_from_the_last_event_to_all():
    curve = pd.DataFrame({"ratio": [1.0, 0.9, 0.5], "low": [1.0, 0.8, 0.4], "high": [1.0, 1.0, 0.6]}, index=[0, 5, 1])
    figure = audit.by_length({"sasrec": curve})
    assert list(figure.data[0].x) == ["1", "5", "all"] and "50%" in figure.layout.title.text
    with pytest.raises(UserError, match="no system"):
        audit.by_length({})
