"""Ways to forget side by side: the leak of a base that still knows, the repaired form, and the null of measures."""
from dataclasses import replace

import numpy as np
import pytest

import workbench as wb
from workbench.errors import UserError
from workbench.show.widgets.forgetting import _figure, _widgets, explore_forgetting
from workbench.train import PROFILES

WAYS = ("untouched", "retrain", "cragru, full candidates", "cragru, retained candidates", "u_can")


@pytest.fixture(scope="module")
def bench():
    return wb.open_bench("synthetic", profile=replace(PROFILES["smoke"], users=None), options={"users": 200})


@pytest.fixture(scope="module")
def forgetting(bench):
    return bench.forgetting("bpr_mf", users=0.2, ways=WAYS, epochs=6)


def test_the_released_pipeline_leaks_and_the_repaired_one_does_not(forgetting):
    table = forgetting.table()
    assert list(table.index) == [way for way in WAYS if way != "u_can"], "bpr_mf has no neurons to damp"
    for leaky in ("untouched", "cragru, full candidates"):
        row = table.loc[leaky]
        assert row["membership low"] > 0.6, "who was forgotten is known"
        assert row["ranks"] > 0.3 + row["ranks null"], "the forgotten items stand where they stood"
    row = table.loc["retrain"]
    assert row["membership low"] < 0.5 < row["membership high"], "the null: either oracle is as good as the other"
    assert row["ranks"] == row["ranks null"] and row["lists"] == row["lists null"] > 0
    assert row["difference"] == 0 and np.isnan(row["low"])
    row = table.loc["cragru, retained candidates"]
    assert row["membership low"] <= 0.5 <= row["membership high"], "what is left of a history says nothing of the rest"
    assert row["ranks"] < 0.1 and row["lists"] > 0 and row["low"] <= row["difference"] <= row["high"]


def test_seconds_are_a_share_of_retraining_and_differences_are_paired(forgetting):
    table = forgetting.table()
    assert table.loc["retrain", "seconds"] == 1
    values = [np.stack([each.ndcg for each in forgetting.distances[way]]) for way in ("untouched", "retrain")]
    assert values[0].shape == values[1].shape == (2, len(forgetting.probe.retained.targets))
    assert table.loc["untouched", "difference"] == pytest.approx((values[0] - values[1]).mean())
    assert table.loc["untouched", "low"] <= table.loc["untouched", "difference"] <= table.loc["untouched", "high"]


def test_the_probe_asks_of_the_forgotten_and_keeps_to_who_stays(bench, forgetting):
    train, probe = bench.split.train, forgetting.probe
    assert {*probe.forgotten.histories.users, *probe.unseen.histories.users} <= set(range(40))
    assert probe.retained.histories.users.min() == 40
    assert len(probe.forgotten.targets) == sum(max(0, n - 1) for n in train.lengths[:40])
    events = bench.forgetting("bpr_mf", users=0.0, events=0.1, ways=WAYS)
    pairs = {(user, item) for user, item in zip(train.rows()[events.rows].tolist(), train.items[events.rows].tolist())}
    kept = events.probe.retained
    assert len(kept.histories) == len(bench.split.test.histories)
    users = kept.histories.users[kept.histories.rows()]
    assert not pairs & set(zip(users.tolist(), kept.histories.items.tolist()))


def test_what_is_known_of_a_user_is_a_place_for_each_forgotten_event(bench, forgetting):
    user = forgetting.users_forgotten(3)[0]
    frame = forgetting.known(user)
    assert list(frame) == ["title", *(way for way in WAYS if way != "u_can")]
    row = bench.split.train.row(user)
    assert frame["title"].tolist() == bench.dataset.titles(row).tolist()
    scores = forgetting.model("untouched").score(bench.split.train.take([user]))[0]
    assert frame["untouched"].iloc[-1] == 1 + (scores[1:] > scores[row[-1]]).sum()
    assert frame["untouched"].median() < frame["retrain"].median(), "what was learned stands higher"
    with pytest.raises(UserError, match="nothing of user 199 is forgotten"):
        forgetting.known(199)


def test_the_figure_follows_the_menu(forgetting):
    users = forgetting.users_forgotten(3)
    figure = explore_forgetting(forgetting)
    assert len(figure.data) == 4 and figure.layout.title.text == _figure(forgetting, users[0]).layout.title.text
    assert "middle place of the forgotten items" in figure.layout.title.text
    menu, area = _widgets(forgetting, users, users[0]).children
    before = area.outputs[0]["data"]["text/plain"]
    menu.value = users[1]
    assert area.outputs[0]["data"]["text/plain"] != before


def test_a_row_that_serves_another_is_what_its_run_would_be(bench, forgetting):
    histories = bench.split.test.histories
    for way in ("cragru, full candidates", "cragru, retained candidates"):
        lists = forgetting.run(way).recommender().recommend(histories, 20)
        own = forgetting.model(way).recommend(histories, 20)
        assert np.array_equal(lists.items, own.items) and np.array_equal(lists.scores, own.scores)
    with pytest.raises(UserError, match="cragru, full candidates is measured by untouched"):
        bench.forgetting("bpr_mf", ways=("retrain", "cragru, retained candidates", "cragru, full candidates"))


@pytest.mark.parametrize("changes, message", [
    ({"ways": ("untuched", "retrain")}, "did you mean 'untouched'"), ({"ways": ("cure",)}, "is measured by retrain"),
    ({"seeds": 1}, "give 2 or more"), ({"users": 0.0}, "nothing is to be forgotten"), ({"users": 1.0}, "below 1"),
    ({"events": 0.1}, "forget whole users, or"),
])  # fmt: skip
def test_what_cannot_be_measured_is_one_error(bench, changes, message):
    with pytest.raises(UserError, match=message):
        bench.forgetting("bpr_mf", **changes)
