"""Figures of a hostile dataset: every number right, every text literal, every figure small."""
from dataclasses import replace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from hostile_titles import BASELINES, check_literal, frame

from workbench import evaluate, experiment, show
from workbench.data import leakage_measures
from workbench.data.lint import lint
from workbench.diagnose.shortcuts import memorization
from workbench.diagnose.verdict.card import Card
from workbench.errors import UserError
from workbench.show import theme
from workbench.show.figures import compare
from workbench.show.figures.users import table_recommendations


@pytest.fixture(scope="module")
def figures(bench, runs, report):
    table = evaluate.compare(runs)
    masked = experiment.open_bench("csv", profile="smoke", options=bench.options, protocol={"mask_history": True})
    both = runs[:3] + [masked.fit(name) for name in BASELINES]
    user = int(bench.typical_users()[0])
    return {
        "lengths": show.plot_lengths(bench.dataset), "popularity": show.plot_popularity(bench.dataset),
        "over_time": show.plot_over_time(bench.dataset), "leakage": show.plot_leakage(bench.split),
        "history": show.plot_history(bench, user), "ties": show.plot_ties(report, runs),
        "curve": show.plot_learning_curve(runs[-1]), "comparison": show.plot_comparison(table),
        "differences": show.plot_differences(table), "strata": show.plot_strata(runs),
        "contrast": show.plot_contrast(evaluate.contrast(both, by="mask_history")),
    }  # fmt: skip


def test_no_text_of_the_data_is_markup(figures):
    for figure in figures.values():
        check_literal(figure)


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
    bars = show.plot_lengths(bench.dataset).data[0]
    length = bench.dataset.interactions.groupby("user").size()
    assert bars.y.sum() == (length <= length.quantile(0.99)).sum() == 80
    count = np.sort(bench.dataset.interactions.groupby("item").size())[::-1]
    figure = show.plot_popularity(bench.dataset)
    assert f"{count[:len(count) // 5].sum() / count.sum():.0%}" in figure.layout.title.text
    assert figure.data[0].y[0] == count[0] and figure.data[1].y[-1] == count[-1]


def test_many_lengths_share_bars():
    world = experiment.open_bench("synthetic", profile="smoke", options={"users": 300, "mean_length": 150.0})
    figure = show.plot_lengths(world.dataset)
    bars, length = figure.data[0], world.dataset.interactions.groupby("user").size()
    outside = int(figure.layout.title.subtitle.text.split()[0].replace(",", ""))
    assert len(bars.x) <= 60 and bars.y.sum() + outside == len(length)


def test_time_and_the_future(bench, timeless):
    events, new = (trace.y.sum() for trace in show.plot_over_time(bench.dataset).data)
    assert (events, new) == (480, bench.dataset.n_items)
    share = leakage_measures.mean_future_share(bench.split.train.times, bench.split.test.times)
    assert show.plot_leakage(bench.split).layout.title.text.startswith(f"{share:.0%}")
    later = experiment.open_bench("csv", profile="smoke", options=bench.options, protocol={"split": "global-time"})
    assert "No training event is later" in show.plot_leakage(later.split).layout.title.text
    for figure in (show.plot_over_time(timeless.dataset), show.plot_leakage(timeless.split),
                   show.plot_ties(lint(timeless.dataset, timeless.protocol), [])):
        assert not figure.data and "timestamps" in figure.layout.title.text.lower()
    assert "no timestamps" in repr(show.table_about(timeless))


def test_a_users_events(bench, timeless):
    user = int(bench.typical_users()[0])
    frame = bench.events(user)
    assert frame["part"].tolist() == ["train"] * (len(frame) - 2) + ["validation", "test"]
    own = bench.dataset.interactions.query("user == @user").sort_values("timestamp")
    assert frame["time"].astype("datetime64[s]").astype("int64").tolist() == own["timestamp"].tolist()
    later = experiment.open_bench("csv", profile="smoke", options=bench.options, protocol={"split": "global-time"})
    asked = int(later.typical_users()[0])
    assert later.events(asked)["part"].iloc[-1] == "test"
    assert "time" not in timeless.events(int(timeless.typical_users()[0]))
    assert "at random" in show.plot_history(timeless, int(timeless.typical_users()[0])).layout.xaxis.title.text
    with pytest.raises(UserError, match="typical_users"):
        show.plot_history(bench, 10_000)


def test_recommendations_mark_the_held_out_item(bench, runs):
    row = int(np.flatnonzero(runs[0].ranks == 1)[0])
    table = table_recommendations(bench, runs, int(bench.split.test.histories.users[row]), k=5)
    assert table.cells[0][1].startswith("▶ ") and table.cells[-1][1] == "rank 1"
    assert table.names == ["rank", *(run.label for run in runs)]


def test_comparison_says_no_more_than_the_numbers():
    table = frame()
    better = "&lt;b&gt;new&lt;/b&gt; beats base by 0.2000 [0.1500, 0.2500], n = 4,905"
    assert compare.headline(table, "ndcg@10") == better
    tied = "like and base cannot be told apart: difference 0.0100 [-0.0400, 0.0600], n = 4,905"
    assert compare.headline(table.iloc[1:], "ndcg@10") == tied
    behind = "Nothing beats base; bad is behind by 0.2000 [0.1500, 0.2500], n = 4,905"
    assert compare.headline(table.iloc[2:], "ndcg@10") == behind
    assert compare.headline(table.iloc[2:3], "ndcg@10") == "base: ndcg@10 0.3000"
    few = compare.headline(table.assign(cases=74), "ndcg@10")
    assert few == "&lt;b&gt;new&lt;/b&gt; beats base by 0.20 [0.15, 0.25], n = 74", "no third decimal"
    rising = table.assign(verdict=["no conclusion", "no difference shown", "baseline", "no conclusion"],
                          note=["it rose", "", "", "it rose"])  # fmt: skip
    assert compare.headline(rising, "ndcg@10") == tied, "nothing is said of what was trained too little"
    assert "No conclusion" in compare.headline(rising.iloc[[0, 2]], "ndcg@10")
    one = table.assign(verdict=["no conclusion", "no difference shown", "baseline", "below the baseline"])
    about = "No conclusion about &lt;b&gt;new&lt;/b&gt;; nothing else beats base: bad is behind by 0.2000 "
    assert compare.headline(one.iloc[[0, 2, 3]], "ndcg@10") == about + "[0.1500, 0.2500], n = 4,905"
    assert compare.caveats(rising) == "&lt;b&gt;new&lt;/b&gt;, bad: it rose."
    names = table["verdict"].tolist()
    figure = show.plot_comparison(table)
    assert [trace.name for trace in figure.data] == [names[0], names[1], names[3], names[2]]
    assert figure.layout.yaxis.range == (3.5, -0.5) and figure.layout.yaxis.ticktext[0] == "&lt;b&gt;new&lt;/b&gt;"
    band = show.plot_differences(table).data[-1]
    assert list(band.base) == [-0.05, -0.06, -0.07] and list(band.x) == [0.1, 0.12, 0.14]
    assert not show.plot_differences(table.iloc[2:3]).data


def test_strata_and_curve(runs, figures):
    assert show.plot_strata(runs).layout.yaxis.ticktext[0] == max(runs, key=lambda run: run.metrics["ndcg@10"]).label
    with pytest.raises(UserError, match="recall@10 and ndcg@10"):
        show.plot_strata(runs, metric="mrr@5")
    untrained = show.plot_learning_curve(runs[0])
    assert not untrained.data and "no learning curve" in untrained.layout.title.text
    with pytest.raises(UserError, match="unknown learning curve 'levels'; did you mean 'level'"):
        show.plot_learning_curve(runs[-1], by="levels")
    loss, score, best = figures["curve"].data
    assert list(loss.y) == [point["loss"] for point in runs[-1].curve]
    assert best.y[0] == max(score.y)


def test_protocols_that_differ_are_refused(bench, runs):
    assert "may be compared" in repr(show.table_protocols(runs))
    masked = experiment.open_bench("csv", profile="smoke", options=bench.options, protocol={"mask_history": True})
    assert "mask_history" in repr(show.table_protocols([runs[0], masked.fit("popularity")]))


def memorization_card() -> Card:
    """Five systems on 150 memorized cases and 50 others, the trained one the worst."""
    values = {name: np.repeat([high, 0.0], [150, 50]) for name, high in zip("abcdx", (0.9, 0.8, 0.7, 0.6, 0.1))}
    by_kind = memorization.metric_by_kind(values, np.repeat(["memorized", "rest"], [150, 50]))
    return Card(tables={"by kind": by_kind})


def test_the_system_asked_about_is_in_the_picture_whatever_its_rank():
    card = memorization_card()
    assert [trace.name for trace in show.plot_card(card).data] == ["a", "b", "c", "d"]
    assert [trace.name for trace in show.plot_card(card, systems=("x",)).data] == ["a", "b", "c", "x"]
    lead = card.tables | {"lead": pd.DataFrame({"ours": ["x"], "rival": ["a"], "share": [0.25]})}
    plot = show.plot_card(replace(card, tables=lead))
    assert [trace.name for trace in plot.data] == ["a", "b", "c", "x"], "the card is about x"
    assert "(n = 200) over all test cases, 0.90 [0.90, 0.90]<br>(n = 150)" in plot.layout.title.text
    assert plot.layout.xaxis.ticktext == ("memorized<br>75% (n = 150)", "rest<br>25% (n = 50)")
    with pytest.raises(UserError, match="unknown system 'y'"):
        show.plot_card(card, systems=("y",))
