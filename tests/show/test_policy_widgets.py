"""Regret by exploration and returns that are asked for: curves, sliders, and the runs that they are not for."""
from dataclasses import replace

import numpy as np
import pytest
from hostile_titles import TABLE, Cells

import workbench as wb
from workbench.errors import UserError
from workbench.evaluate.episodes.by_step import measures_by_step
from workbench.experiment.browse.asked_returns import AskedReturns
from workbench.experiment.browse.regret_curves import RegretCurves
from workbench.show.widgets.policies import asked_returns, regret
from workbench.train import PROFILES

SLATES = {"tastes": "planted", "horizon": 4}
SESSIONS = {"epochs": 1, "horizon": 4, "width": 8}


@pytest.fixture(scope="module")
def bench(home):
    return wb.open_bench("synthetic", profile=replace(PROFILES["smoke"], users=None), options={"users": 150})


@pytest.fixture(scope="module")
def slates(bench):
    learned = [bench.fit(name, epochs=1, **SLATES) for name in ("slate_ts", "greedy_slate")]
    return [*learned, bench.fit("popular_slate", **SLATES)]


@pytest.fixture(scope="module")
def asking(bench):
    return [bench.fit(name, **SESSIONS) for name in ("dt4ier", "tadt_csa")]


def test_regret_by_step_ends_where_the_run_was_measured(slates):
    curves = RegretCurves(slates)
    for run, lost in zip(slates, curves.curves, strict=True):
        assert lost.shape == (4, len(run.per_case("regret"))) and (np.diff(lost, axis=0) >= -1e-12).all()
        assert np.array_equal(lost[-1], run.per_case("regret"))


def test_the_variance_of_the_slider_is_that_of_the_samples(slates):
    """At its own it is the run, at 0 it is greedy to the bit with these weights, and the run stays what it was."""
    curves = RegretCurves(slates)
    assert np.array_equal(curves.explored(1.0), curves.curves[0])
    greedy = slates[1].recommender()
    greedy.load_state(slates[0].recommender().state())
    expected = measures_by_step(greedy, greedy.world("test"))["regret"]
    assert np.array_equal(curves.explored(0), expected) and curves.policies[0].variance == 1.0
    with pytest.raises(UserError, match="0 or more"):
        curves.explored(-1.0)


def test_the_curve_follows_the_slider(slates):
    figure = wb.show.explore_regret(slates)
    assert [trace.name for trace in figure.data] == [run.system for run in slates]
    labelled, area = regret._widgets(RegretCurves(slates)).children
    start = area.outputs
    labelled.children[-1].value = 0
    assert "variance 0" in str(area.outputs) and area.outputs != start


def test_what_is_asked_is_a_quantile_of_the_log(asking):
    asked = [AskedReturns(run) for run in asking]
    assert list(asked[0].asked(0.5)) == ["clicks", "returns"] and list(asked[1].asked(0.5)) == ["return", "advantage"]
    for each in asked:
        name = next(iter(each.asked(0.5)))
        values = [each.asked(share)[name] for share in (0.0, 0.5, 1.0)]
        assert values == sorted(values) and values[0] < values[2]
        again = each.obtained(0.5)
        assert all(np.array_equal(values, again[name]) for name, values in each.obtained(0.5).items())
    with pytest.raises(UserError, match="from 0 to 1"):
        asked[0].asked(1.5)


def test_asked_returns_are_drawn_with_what_is_asked_for_nothing(bench, asking):
    level = bench.fit("rotating_taste", horizon=4)
    figure = wb.show.explore_asked_returns(asking, level)
    assert [trace.name for trace in figure.data] == [*(run.system for run in asking), level.system]
    found = AskedReturns(asking[0]).obtained(0.95)["return"].mean()
    assert figure.data[0].y[-1] == found and figure.data[2].y[0] == pytest.approx(level.per_case("return").mean())
    labelled, area, curves = asked_returns._widgets([AskedReturns(run) for run in asking], figure).children
    start = area.value
    labelled.children[-1].value = 5
    assert area.value != start and "advantage" in area.value and {tag for tag, _ in Cells(area.value).tags} <= TABLE | {
        "p"
    }


def test_who_obtains_more_is_said_by_the_interval():
    rng = np.random.default_rng(0)
    flat, grows = rng.random(50), rng.random(50)
    found = {"a": {0.05: grows, 0.95: grows + 1}, "b": {0.05: flat, 0.95: flat[::-1]}}
    assert asked_returns._who_follows(found) == "Asked for more, a obtains more; of b that cannot be shown"
    curves = {"x": np.stack([flat, flat]), "y": np.stack([flat, flat + 1])}
    assert regret._fewest_lost(curves).startswith("x loses fewest clicks")
    assert "cannot be told apart" in regret._fewest_lost({"x": curves["x"], "y": curves["x"][:, ::-1]})


def test_runs_of_another_kind_are_one_error(bench, slates, asking):
    other = bench.fit("popular_slate", tastes="planted", horizon=3)
    with pytest.raises(UserError, match="popularity shows no slates"):
        wb.show.explore_regret(bench.fit("popularity"))
    with pytest.raises(UserError, match="have 2: give runs"):
        wb.show.explore_regret([slates[0], other])
    with pytest.raises(UserError, match="none of these runs samples"):
        wb.show.explore_regret(slates[1:])
    with pytest.raises(UserError, match="no slates|have 0"):
        wb.show.explore_regret([])
    with pytest.raises(UserError, match="popularity is asked for no return"):
        wb.show.explore_asked_returns(bench.fit("popularity"))
    with pytest.raises(UserError, match="one world of sessions"):
        wb.show.explore_asked_returns(asking, [slates[2]])
