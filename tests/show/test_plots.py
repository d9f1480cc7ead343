"""Figures and tables of a dataset that is out to get us: every number right, every text literal, every figure small."""
import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from canned import PAYLOADS

from workbench import evaluate, experiment, show
from workbench.data import leaks
from workbench.data.lint import lint
from workbench.errors import UserError
from workbench.show import compare, theme, widgets

FLOORS = ("popularity", "item_knn", "item_transitions")
TITLES = [*PAYLOADS, "<b>x</b>", "long " * 1000, "", "\u202egnp.exe", "$\\alpha$ & co", "<i>", "%{x}", "NaN"]
TABLE = {"table", "thead", "tbody", "tr", "th", "td"}
PLOTLY_OWN = re.compile(r"<br>|<extra></extra>")


def log(folder, timed: bool = True) -> dict:
    """A small csv with hostile titles and ids, and the options that open it."""
    rng = np.random.default_rng(0)
    users, items = np.repeat(np.arange(80), 6), rng.integers(0, 30, 480)
    frame = pd.DataFrame({"user": [f"<u>{user}" for user in users], "item": [f"<i>{item}</i>" for item in items]})
    if timed:
        frame["timestamp"] = 1_400_000_000 + rng.integers(0, 300, 480) * 86_400
    titles = pd.DataFrame({"item": [f"<i>{n}</i>" for n in range(30)], "title": (TITLES * 3)[:30]})
    frame.to_csv(folder / "log.csv", index=False)
    titles.to_csv(folder / "items.csv", index=False)
    return {"path": str(folder / "log.csv"), "items": str(folder / "items.csv")}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return experiment.open_bench("csv", profile="smoke", options=log(tmp_path_factory.mktemp("log")))


@pytest.fixture(scope="module")
def timeless(tmp_path_factory):
    return experiment.open_bench("csv", profile="smoke", options=log(tmp_path_factory.mktemp("log"), timed=False))


@pytest.fixture(scope="module")
def runs(bench):
    return [bench.fit(name) for name in FLOORS] + [bench.fit("sasrec", epochs=2, width=16)]


@pytest.fixture(scope="module")
def report(bench):
    return lint(bench.dataset, bench.protocol)


@pytest.fixture(scope="module")
def figures(bench, runs, report):
    table = evaluate.compare(runs)
    masked = experiment.open_bench("csv", profile="smoke", options=bench.options, protocol={"mask_history": True})
    both = runs[:3] + [masked.fit(name) for name in FLOORS]
    user = int(show.typical_users(bench)[0])
    return {
        "lengths": show.lengths(bench.dataset), "popularity": show.popularity(bench.dataset),
        "over_time": show.over_time(bench.dataset), "leakage": show.leakage(bench.split),
        "history": show.history(bench, user), "ties": show.ties(report, runs), "curve": show.curve(runs[-1]),
        "comparison": show.comparison(table), "differences": show.differences(table), "strata": show.strata(runs),
        "contrast": show.contrast(evaluate.contrast(both, by="mask_history")),
    }  # fmt: skip


def texts(value) -> list[str]:
    """Every text inside a JSON value."""
    if isinstance(value, dict):
        return [text for key, inner in value.items() if key != "bdata" for text in texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in texts(inner)]
    return [value] if isinstance(value, str) else []


def test_no_text_of_the_data_is_markup(figures):
    for name, figure in figures.items():
        for text in texts({key: json.loads(figure.to_json())[key] for key in ("data", "layout")}):
            assert "<" not in PLOTLY_OWN.sub("", text), (name, text)
            assert len(text) < 400, (name, text[:80])


def test_every_figure_is_small_and_says_something(figures):
    for name, figure in figures.items():
        assert len(figure.layout.title.text) > 20, name
        assert len(figure.to_json()) < 60_000, name
        assert all(trace.x is None or len(trace.x) <= theme.POINTS for trace in figure.data), name


def test_colour_is_never_the_only_sign(figures):
    for name in ("history", "comparison", "contrast", "strata"):
        named = [trace.marker for trace in figures[name].data if trace.name and isinstance(trace, go.Scatter)]
        assert len({marker.symbol for marker in named}) == len({marker.color for marker in named}) == len(named), name


def test_lengths_and_popularity_count_right(bench):
    bars = show.lengths(bench.dataset).data[0]
    length = bench.dataset.interactions.groupby("user").size()
    assert bars.y.sum() == (length <= length.quantile(0.99)).sum() == 80
    count = np.sort(bench.dataset.interactions.groupby("item").size())[::-1]
    figure = show.popularity(bench.dataset)
    assert f"{count[:len(count) // 5].sum() / count.sum():.0%}" in figure.layout.title.text
    assert figure.data[0].y[0] == count[0] and figure.data[1].y[-1] == count[-1]


def test_many_lengths_share_bars():
    world = experiment.open_bench("synthetic", profile="smoke", options={"users": 300, "mean_length": 150.0})
    figure = show.lengths(world.dataset)
    bars, length = figure.data[0], world.dataset.interactions.groupby("user").size()
    outside = int(figure.layout.title.subtitle.text.split()[0].replace(",", ""))
    assert len(bars.x) <= 60 and bars.y.sum() + outside == len(length)


def test_time_and_the_future(bench, timeless):
    events, new = (trace.y.sum() for trace in show.over_time(bench.dataset).data)
    assert (events, new) == (480, bench.dataset.n_items)
    share = leaks.future_share(bench.split.train.times, bench.split.test.times)
    assert show.leakage(bench.split).layout.title.text.startswith(f"{share:.0%}")
    later = experiment.open_bench("csv", profile="smoke", options=bench.options, protocol={"split": "global-time"})
    assert "No training event is later" in show.leakage(later.split).layout.title.text
    for figure in (show.over_time(timeless.dataset), show.leakage(timeless.split),
                   show.ties(lint(timeless.dataset, timeless.protocol), [])):
        assert not figure.data and "timestamps" in figure.layout.title.text.lower()
    assert "no timestamps" in repr(show.about(timeless))


def test_a_users_events(bench, timeless):
    user = int(show.typical_users(bench)[0])
    frame = show.events(bench, user)
    assert frame["part"].tolist() == ["train"] * (len(frame) - 2) + ["validation", "test"]
    own = bench.dataset.interactions.query("user == @user").sort_values("timestamp")
    assert frame["time"].astype("datetime64[s]").astype("int64").tolist() == own["timestamp"].tolist()
    later = experiment.open_bench("csv", profile="smoke", options=bench.options, protocol={"split": "global-time"})
    asked = int(show.typical_users(later)[0])
    assert show.events(later, asked)["part"].iloc[-1] == "test"
    assert "time" not in show.events(timeless, int(show.typical_users(timeless)[0]))
    assert "at random" in show.history(timeless, int(show.typical_users(timeless)[0])).layout.xaxis.title.text
    with pytest.raises(UserError, match="typical_users"):
        show.history(bench, 10_000)


def test_answers_mark_what_was_held_out(bench, runs):
    row = int(np.flatnonzero(runs[0].ranks == 1)[0])
    table = show.answers(bench, runs, int(bench.split.test.histories.users[row]), k=5)
    assert table.cells[0][1].startswith("▶ ") and table.cells[-1][1] == "place 1"
    assert table.names == ["place", *(run.label for run in runs)]


def frame(**changes) -> pd.DataFrame:
    """A table as evaluate.compare returns it: a clear winner, a tie, the baseline, a loser."""
    names = ["<b>new</b>", "like", "floor", "bad"]
    rows = {
        "mean": [0.5, 0.31, 0.3, 0.1], "low": [0.45, 0.26, 0.25, 0.05], "high": [0.55, 0.36, 0.35, 0.15],
        "baseline": ["floor"] * 4, "difference": [0.2, 0.01, 0.0, -0.2], "diff_low": [0.15, -0.04, 0.0, -0.25],
        "diff_high": [0.25, 0.06, 0.0, -0.15], "p": [0.001, 0.7, np.nan, 0.001],
        "smallest_effect": [0.05, 0.06, np.nan, 0.07],
    }  # fmt: skip
    return pd.DataFrame(rows | changes, index=pd.Index(names, name="system"))


def test_comparison_says_no_more_than_the_numbers():
    table = frame()
    said = ["above the baseline", "no difference shown", "baseline", "below the baseline"]
    assert compare.verdicts(table) == said
    assert compare.headline(table, "ndcg@10") == "&lt;b&gt;new&lt;/b&gt; beats floor by 0.2000 [0.1500, 0.2500]"
    assert "cannot be told apart" in compare.headline(table.iloc[1:], "ndcg@10")
    assert compare.headline(table.iloc[2:], "ndcg@10") == "Nothing beats floor; bad is 0.2000 [0.1500, 0.2500] behind"
    assert compare.headline(table.iloc[2:3], "ndcg@10") == "floor: ndcg@10 0.3000"
    figure = show.comparison(table)
    assert [trace.name for trace in figure.data] == [said[0], said[1], said[3], said[2]]
    assert figure.layout.yaxis.range == (3.5, -0.5) and figure.layout.yaxis.ticktext[0] == "&lt;b&gt;new&lt;/b&gt;"
    band = show.differences(table).data[-1]
    assert list(band.base) == [-0.05, -0.06, -0.07] and list(band.x) == [0.1, 0.12, 0.14]
    assert not show.differences(table.iloc[2:3]).data


def test_strata_and_curve(runs, figures):
    assert show.strata(runs).layout.yaxis.ticktext[0] == max(runs, key=lambda run: run.metrics["ndcg@10"]).label
    with pytest.raises(UserError, match="recall@10 and ndcg@10"):
        show.strata(runs, metric="mrr@5")
    assert not show.curve(runs[0]).data and "no learning curve" in show.curve(runs[0]).layout.title.text
    loss, score, best = figures["curve"].data
    assert list(loss.y) == [point["loss"] for point in runs[-1].curve]
    assert best.y[0] == max(score.y)


def test_refusal_is_the_library_s_own(bench, runs):
    assert "may be compared" in repr(show.refusal(runs))
    masked = experiment.open_bench("csv", profile="smoke", options=bench.options, protocol={"mask_history": True})
    assert "mask_history" in repr(show.refusal([runs[0], masked.fit("popularity")]))


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


class Cells(HTMLParser):
    """Tags and texts of a table, as a browser reads them."""

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.tags, self.words = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


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
    monkeypatch.setattr(widgets, "_menu", None)
    assert isinstance(show.explore_users(bench), go.Figure)


def test_the_menu_walks_through_users(bench):
    users = show.typical_users(bench, 5).tolist()
    menu, page = widgets._menu(bench, users, users[0]).children
    first = page.value
    menu.value = users[1]
    assert page.value != first and page.value == widgets.user_page(bench, users[1])
    for user in users:
        assert {tag for tag, _ in Cells(widgets.user_page(bench, user)).tags} == TABLE
