"""Streams and their prequential evaluation: windows, pasts, labels, negatives and measures, against plain loops."""
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import workbench as wb
from workbench.data import Protocol
from workbench.data.schema import assemble
from workbench.errors import UserError
from workbench.evaluate.streams import events as streams
from workbench.evaluate.streams.events import CLICKS, NEGATIVES, RATINGS, cut, stream_of, with_negatives
from workbench.evaluate.streams.prequential import grouped_auc, measure, prequential, validation

N, USERS, ITEMS = 600, 9, 30


def toy(seed: int = 0, **changes) -> streams.Stream:
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(0, 200, N))  # about three events a second
    arrays = (rng.integers(0, USERS, N).astype(np.int32), rng.integers(1, ITEMS + 1, N).astype(np.int32),
              rng.integers(0, 2, N).astype(np.float32), times)  # fmt: skip
    return cut(*arrays, n_users=USERS, n_items=ITEMS, **changes)


def bench_of(columns: dict, **changes):
    """A bench with a log of these columns."""
    import pandas as pd

    dataset = assemble("toy", pd.DataFrame(columns), **changes)
    split = SimpleNamespace(n_users=dataset.n_users, n_items=dataset.n_items, data_hash="")
    return SimpleNamespace(dataset=dataset, split=split, protocol=Protocol())


def log(n: int = 400, **more) -> dict:
    rng = np.random.default_rng(1)
    return {"user": rng.integers(0, 20, n), "item": rng.integers(0, 30, n), "timestamp": np.arange(n) * 7} | {
        name: values(rng, n) for name, values in more.items()}  # fmt: skip


class Echo:
    """An observer that notes what it is shown and predicts as `rule` says."""

    def __init__(self, stream, rule):
        self.stream, self.rule, self.seen = stream, rule, []

    def predict(self, events):
        self.seen.append(("predict", events))
        return self.rule(events)

    def observe(self, events):
        self.seen.append(("observe", events))


def test_windows_hold_every_event_once_and_equal_times_together():
    stream = toy()
    parts = [stream.train, stream.valid, *(stream.window(n) for n in range(stream.windows))]
    assert stream.windows == 10 and stream.first == 10
    assert np.array_equal(np.concatenate([part.rows for part in parts]), np.arange(N))
    for before, after in zip(parts[:-1], parts[1:], strict=True):
        assert before.times.max() < after.times.min()
    sizes = np.diff(stream.bounds)
    assert sizes.min() > 20 and sizes.max() < 40, "about as many events each"
    assert len(toy(windows=4, start=0.75).train.rows) > 0.55 * N


def test_the_past_of_an_event_is_what_its_user_had_in_earlier_windows(monkeypatch):
    monkeypatch.setattr(streams, "LAST", 5)
    stream = toy()
    for part in (stream.train, stream.window(0), stream.window(9)):
        for row, user, history, reactions in zip(part.rows, part.users, part.history, part.reactions, strict=True):
            opened = stream.bounds[np.searchsorted(stream.bounds, row, "right") - 1]
            past = np.flatnonzero(stream.users[:opened] == user)[-5:]
            assert history.tolist() == [0] * (5 - len(past)) + stream.items[past].tolist()
            assert reactions.tolist() == [0] * (5 - len(past)) + stream.labels[past].tolist()


def test_a_window_is_predicted_without_its_labels_and_observed_before_the_next():
    stream = toy()
    echo = Echo(stream, lambda events: np.full(len(events.rows), 0.5))
    found = prequential(echo, quiet=True)
    assert [what for what, _ in echo.seen] == ["observe"] + ["predict", "observe"] * 10
    for (_, asked), (_, known) in zip(echo.seen[1::2], echo.seen[2::2], strict=True):
        assert np.isnan(asked.labels).all() and np.array_equal(asked.rows, known.rows)
        assert np.array_equal(known.labels, stream.labels[known.rows])
        assert not np.isin(known.rows, echo.seen[0][1].rows).any()
    assert np.array_equal(echo.seen[0][1].rows, stream.valid.rows)
    assert (found.measures["auc"] == 0.5).all() and (found.measures["gauc"] == 0.5).all()
    assert found.measures["log_loss"] == pytest.approx(np.log(2))
    assert validation(echo)["auc"] == 0.5 and echo.seen[-1][0] == "predict"


def test_the_measures_are_those_of_scikit_learn():
    part = toy().train
    p = np.round(np.random.default_rng(2).random(len(part.rows)), 1)  # many ties
    found = measure(p, part)
    assert found["auc"] == pytest.approx(roc_auc_score(part.labels, p))
    own, weights = [], []
    for user in range(USERS):
        mine = part.users == user
        if 0 < part.labels[mine].sum() < mine.sum():
            own.append(roc_auc_score(part.labels[mine], p[mine]))
            weights.append(mine.sum())
    assert found["gauc"] == pytest.approx(np.average(own, weights=weights))
    assert found["log_loss"] == pytest.approx(-found["log_likelihood"].mean())
    assert np.isnan(grouped_auc(np.array([0.1, 0.2]), np.array([1, 1]), np.array([0, 1])))


def test_windows_of_one_class_are_left_out_counted_and_said(caplog):
    stream = toy()
    labels = stream.labels.copy()
    labels[stream.window(3).rows] = 1
    half = lambda events: np.full(len(events.rows), 0.5)  # noqa: E731
    found = prequential(Echo(replace(stream, labels=labels), half), quiet=True)
    assert found.left_out == {"auc": 1, "gauc": 1} and len(found.measures["auc"]) == 9
    assert len(found.measures["log_loss"]) == 10 and "1 have labels of one class" in caplog.text
    with pytest.raises(UserError, match="every window has labels of one class"):
        prequential(Echo(replace(stream, labels=np.ones_like(labels)), half), quiet=True)


def test_clicks_then_ratings_then_sampled_negatives_are_the_labels():
    rated = {"rating": lambda rng, n: rng.integers(1, 11, n) / 2}
    stream = stream_of(bench_of(log(**rated)))
    assert stream.labelled == RATINGS
    assert stream.labels.mean() == pytest.approx((log(**rated)["rating"] >= 4).mean())
    clicks = {"click": lambda rng, n: rng.integers(0, 2, n)}
    assert stream_of(bench_of(log(**rated | clicks))).labelled == CLICKS
    stream = stream_of(bench_of(log()))
    assert stream.labelled == NEGATIVES and 0.5 <= stream.labels.mean() < 0.51
    assert stream_of(bench_of(log()), windows=5, start=0.8).first == 20


def test_ratings_that_are_missing_are_left_out(caplog):
    missing = {"rating": lambda rng, n: np.where(np.arange(n) % 4 == 0, np.nan, 5.0 - np.arange(n) % 2)}
    stream = stream_of(bench_of(log(**missing)))
    assert len(stream.labels) == 300 and "100 events have no rating" in caplog.text


def test_a_negative_is_an_item_of_an_earlier_event_and_later_events_change_none():
    rng = np.random.default_rng(3)
    n = 500
    arrays = (rng.integers(0, 9, n), rng.integers(1, 30, n), np.ones(n, np.float32), np.arange(n))
    users, items, labels, times = with_negatives(*arrays, seed=0)
    at = np.flatnonzero(labels == 0)
    assert len(at) > 0.98 * n and (labels[at - 1] == 1).all()
    assert (users[at] == users[at - 1]).all() and (items[at] != items[at - 1]).all()
    assert all(items[place] in arrays[1][: times[place]] for place in at)
    less = with_negatives(*(array[:200] for array in arrays), seed=0)
    assert all(np.array_equal(short, whole[: len(short)]) for short, whole in
               zip(less, (users, items, labels, times), strict=True))  # fmt: skip


@pytest.mark.parametrize("changes, message", [
    ({"timestamp": None}, "toy has no times"),
    ({"timestamp": lambda rng, n: np.arange(n) // 100}, "4 different times give .* windows, not 10 and 10"),
    ({"click": lambda rng, n: rng.integers(0, 3, n)}, "click is 0 or 1; it holds .0. 1. 2"),
])  # fmt: skip
def test_a_log_that_is_no_stream_is_one_error(changes, message):
    columns = log(**{name: values for name, values in changes.items() if values})
    columns = {name: values for name, values in columns.items() if changes.get(name, 1)}
    with pytest.raises(UserError, match=message):
        stream_of(bench_of(columns))


def test_a_variant_with_other_train_events_has_no_stream():
    bench = wb.open_bench("synthetic-clicks", profile="smoke", options={"users": 30})
    other = bench.variant(train=np.arange(len(bench.split.train.items)) % 2 == 0, label="half")
    assert stream_of(bench).labelled == CLICKS
    with pytest.raises(UserError, match="variant with other train events"):
        stream_of(other)


@pytest.mark.parametrize("changes", [{"windows": 0}, {"windows": 2.0}, {"start": 0.0}, {"start": 1.0}])
def test_windows_that_cannot_be_are_named(changes):
    with pytest.raises(UserError, match=next(iter(changes))):
        toy(**changes)


@pytest.mark.parametrize("rule", [
    lambda events: events.labels, lambda events: np.full(len(events.rows), 1.5), lambda events: np.zeros(3),
])  # fmt: skip
def test_what_is_no_probability_is_one_error(rule):
    with pytest.raises(UserError, match="one probability for each"):
        prequential(Echo(toy(), rule), quiet=True)
