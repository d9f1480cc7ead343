"""What an index says in words: conclusions read off intervals, the name of a log, the data, the cover."""
import pandas as pd
import pytest
from html_document import inert

from workbench import experiment, report
from workbench.evaluate.compare import ABOVE, BASELINE, BELOW, EVEN
from workbench.experiment.named_files import dataset_name
from workbench.report.cell_outputs import figure_html
from workbench.report.index import PageResult, index_page
from workbench.report.page_template import html_document
from workbench.report.summary.conclusion import NOTHING, conclusion
from workbench.report.summary.cover import Cover, add_head_line
from workbench.report.summary.data import data_facts, epochs, methods, with_dataset_name
from workbench.report.summary.results import result_rows


def values(low: float, high: float, *, rising: bool = False, baseline: bool = False) -> dict:
    """What the notebook of a comparison records: popularity, and sasrec with this interval of the difference to it."""
    common = {"baseline": "popularity", "low": 0.02, "high": 0.06, "note": ""}
    verdict = ABOVE if low > 0 else BELOW if high < 0 else EVEN
    rows = [{"system": "sasrec", "mean": 0.04 + (low + high) / 2, "difference": (low + high) / 2, "diff_low": low,
             "diff_high": high, "verdict": verdict, **common},
            {"system": "popularity", "mean": 0.04, "difference": 0.0, "diff_low": 0.0, "diff_high": 0.0,
             "verdict": BASELINE, **common}]
    training = {"cases": 500, "seed": 0, "still_rising": False}
    trained = training | {"epochs": 20, "baseline": baseline, "still_rising": rising}
    return {"comparison": rows, "metric": "ndcg@10",
            "training": {"sasrec": trained, "popularity": training | {"epochs": 0, "baseline": True}}}


@pytest.mark.parametrize("given, words", [
    (values(0.01, 0.03), "sasrec is better than popularity, the best training-free baseline: ndcg@10 0.0600 of "
     "sasrec against 0.0400 of popularity, difference +0.0200 (95 % interval +0.0100 to +0.0300, 500 test users)."),
    (values(-0.03, -0.01), "popularity, a training-free baseline, is better than sasrec"),
    (values(-0.01, 0.03), "cannot be told apart"),
    (values(0.01, 0.03, rising=True), "No conclusion: when training stopped, the validation score was still rising for "
     "sasrec (20 epochs)"),
    (values(0.01, 0.03, baseline=True), "Only training-free baselines were compared: popularity is best"),
    ({}, NOTHING),
])  # fmt: skip
def test_a_conclusion_is_what_the_interval_supports(given, words):
    assert words in conclusion(given) and conclusion(given).count(". ") <= 1


def test_the_table_marks_the_baseline_and_says_n():
    metrics = {"sasrec": {"ndcg@10": 0.06, "ndcg@10 from": 0.05, "ndcg@10 to": 0.07}, "other": {"ndcg@10": 0.01}}
    metrics |= {"popularity": {"ndcg@10": 0.04}}
    rows = result_rows(metrics, {"06": values(0.01, 0.03, rising=True)})
    assert rows["sasrec"] == {"": "trained, validation still rising", "ndcg@10": 0.06, "95 % from": 0.05,
                              "95 % to": 0.07, "n": 500}  # fmt: skip
    assert rows["popularity"][""] == "◆ best baseline" and rows["other"] == {"": "", "ndcg@10": 0.01}


def test_a_log_is_called_by_its_file(home, tmp_path):
    """Its size, dates and file are named; nothing says that the data are invented."""
    events = [(user, f"i{(user + n) % 7}", n * 86_400) for user in range(9) for n in range(5)]
    path = tmp_path / "plays.2024.csv"
    pd.DataFrame(events, columns=["user", "item", "timestamp"]).to_csv(path, index=False)
    bench = experiment.open_bench("csv", profile="smoke", options={"path": str(path)})
    assert dataset_name(bench.name, bench.options) == bench.dataset.name == "plays"
    assert with_dataset_name({"dataset": "csv", "options": bench.options})["dataset"] == "plays"
    facts = data_facts(bench)
    assert facts["name"] == "plays" and facts["size"] == "9 users, 7 items, 45 events"
    assert facts["dates"] == "1970-01-01 to 1970-01-05" and "plays.2024.csv (SHA-256 " in facts["from"]
    text = " ".join(methods(bench, values(0, 1)["training"]))
    assert "9 test cases is ranked among all 7 items" in text and "Trained with one seed (0): sasrec 20 epochs." in text
    assert "at most 40 epochs, 2,000 users" in text and "baselines: popularity." in text
    assert epochs({}) == "" and "invented" in data_facts(experiment.open_bench("synthetic", profile="smoke"))["from"]


def test_a_run_says_how_it_was_trained(home):
    bench = experiment.open_bench("synthetic", profile="smoke", options={"users": 100, "items": 50})
    cases = len(bench.split.test.targets)
    free = {"epochs": 0, "baseline": True, "still_rising": False, "seed": 0, "cases": cases}
    assert bench.fit("popularity").training == free
    trained = bench.fit("bpr_mf", epochs=2).training
    assert trained["epochs"] == 2 and not trained["baseline"] and trained["cases"] == cases


def test_title_author_and_note_are_text(tmp_path):
    cover = Cover("<b>Plays</b>", "A & B", "<script>1</script>")
    page = tmp_path / "a.html"
    page.write_text(html_document("A", '<header class="top"><h1>A</h1></header>'))
    add_head_line(add_head_line(page, cover), cover)
    for text in (page.read_text(), report.index_page([], tmp_path, {}, {}, cover=cover).read_text()):
        inert(text)
        for words in ("&lt;b&gt;Plays&lt;/b&gt;", "A &amp; B", "&lt;script&gt;1&lt;/script&gt;"):
            assert text.count(words) >= 1, words
    assert page.read_text().count('<a href="index.html">') == 1
    assert "<title>&lt;b&gt;Plays&lt;/b&gt;</title>" in (tmp_path / "index.html").read_text()


def test_no_two_pages_have_the_same_picture(tmp_path):
    """Two pages with the same cover: the second shows another of its figures, unless it has none."""
    from workbench.report.thumbnail import thumbnail

    bar, line = ({"data": [{"type": kind, "y": [1, 3, 2]}], "layout": {}} for kind in ("bar", "scatter"))
    for name, figures in (("a", [bar]), ("b", [bar, line]), ("c", [bar])):
        (tmp_path / name).write_text("".join(map(figure_html, figures)))
    seen: set[str] = set()
    first, second, third = (thumbnail(tmp_path / name, seen) for name in "abc")
    assert first and second and first != second and third == first


def test_an_index_of_some_pages_says_that_the_report_is_not_finished(tmp_path):
    page = PageResult("audit", "What can it show?", True, 0, 1.0, None, "")
    assert "NOT FINISHED</strong>: 1 of 8 pages" in index_page([], tmp_path, {}, {}, [page], planned=8).read_text()
    assert "NOT FINISHED" not in index_page([], tmp_path, {}, {}, [page], planned=1).read_text()
