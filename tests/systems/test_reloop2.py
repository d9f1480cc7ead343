"""reloop2 and what stands beside it: the memory gives back labels, follows a change, and is of no use when shuffled."""
from functools import lru_cache
from types import SimpleNamespace

import numpy as np
import pytest
from test_streaming_battery import fitted, make_bench

import workbench as wb
from workbench import systems
from workbench.artifacts import Store, using_store
from workbench.errors import UserError
from workbench.evaluate.streams import events as streams
from workbench.evaluate.streams.prequential import prequential, validation
from workbench.experiment.online.memory_recall import memory_recall
from workbench.train import Recipe
from workbench.train.fit import TrainingSession

ITEMS, USERS, N = 20, 30, 4_000


def turned() -> streams.Stream:
    """Half of the items are clicked 9 times in 10, the others 1 time in 10; at the first window this turns round."""
    rng = np.random.default_rng(0)
    users, items = rng.integers(0, USERS, N).astype(np.int32), rng.integers(1, ITEMS + 1, N).astype(np.int32)
    often = (items <= ITEMS // 2) ^ (np.arange(N) >= N // 2)
    labels = (rng.random(N) < np.where(often, 0.9, 0.1)).astype(np.float32)
    return streams.cut(users, items, labels, np.arange(N), n_users=USERS, n_items=ITEMS)


@lru_cache
def after_the_turn(name: str) -> dict[str, np.ndarray]:
    system, _, switch = name.partition(" ")
    return served(system, **{"off": {}, "": {}, "shuffled": systems.load(system).PLACEBO}[switch])


def served(system: str, **changes) -> dict[str, np.ndarray]:
    """The measures of a system on the stream that turns round."""
    stream, bench = turned(), make_bench(system)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(systems.load(system), "stream_of", lambda bench, **_: stream)
        observer = systems.build(system, bench, **changes)
    observer.fit(None, TrainingSession(Recipe(epochs=3, lr=5e-3, monitor="auc"), 0, "cpu", validation))
    return prequential(observer, quiet=True).measures


def test_the_memory_follows_a_change_that_the_model_does_not_know():
    """In the first window nobody knows; afterwards the own errors tell, those of other events do not."""
    off, on, shuffled, tuned = (after_the_turn(name)["log_loss"] for name in
                                ("served_ctr", "reloop2", "reloop2 shuffled", "tuned_ctr"))  # fmt: skip
    assert on[0] > 0.9 * off[0]
    assert (on[1:] < 0.95 * off[1:]).all() and on[-1] < 0.7 * off[-1] and (on[1:] < shuffled[1:]).all()
    assert tuned[-1] < off[-1]
    assert after_the_turn("reloop2")["auc"][1:].mean() > after_the_turn("served_ctr")["auc"][1:].mean() + 0.2
    assert after_the_turn("item_rate")["auc"][-1] > after_the_turn("served_ctr")["auc"][-1]


def test_with_an_empty_memory_the_model_predicts_as_it_is():
    _, on, _, state = fitted("reloop2")
    _, parent, _, plain = fitted("served_ctr")
    on.load_state(state), parent.load_state(plain)
    window = on.stream.window(0)
    assert np.array_equal(on.predict(window), parent.predict(window))
    on.observe(window)
    assert not np.array_equal(on.predict(window), parent.predict(window))


def test_one_neighbour_on_a_stored_key_gives_back_its_label():
    bench = make_bench("reloop2")
    _, _, _, state = fitted("reloop2")
    observer = systems.build("reloop2", bench, lam=1.0, k=1, slots=128, bits=1)
    small = {name: array for name, array in state.items() if not name.startswith("memory.")}
    observer.load_state(observer.state() | small)
    window = observer.stream.window(0).take(slice(0, 100))
    observer.observe(window)
    distinct = len(np.unique(observer.served(window).keys.numpy(), axis=0))
    assert distinct > 90
    newest = {key.tobytes(): label for key, label in zip(observer.served(window).keys.numpy(), window.labels)}
    labels = [newest[key.tobytes()] for key in observer.served(window).keys.numpy()]
    np.testing.assert_allclose(observer.predict(window), labels, atol=1e-5)


def test_what_is_observed_does_not_change_the_network_of_reloop2_but_that_of_tuned_ctr():
    for name, fixed in (("reloop2", True), ("tuned_ctr", False)):
        _, observer, _, state = fitted(name)
        observer.load_state(state)
        before = observer.module.item_bias.weight.detach().clone()
        observer.observe(observer.stream.window(0))
        changed = (observer.module.item_bias.weight - before).abs().detach().numpy()
        assert (changed == 0).all() if fixed else 0 < changed.max() <= 0.0021


def test_what_was_predicted_is_not_computed_again():
    _, observer, _, state = fitted("reloop2")
    observer.load_state(state)
    calls = []
    hook = observer.module.register_forward_hook(lambda *_: calls.append(1))
    observer.predict(observer.stream.window(0))
    observer.observe(observer.stream.window(0))
    observer.observe(observer.stream.window(1))
    hook.remove()
    assert len(calls) == 2


def test_a_run_is_stored_studied_and_its_memory_asked_for_its_recall(tmp_path):
    with using_store(Store(tmp_path)):
        bench = wb.open_bench("synthetic-clicks", profile="smoke", options={"users": 150, "items": 60})
        study = wb.study(bench, "reloop2", seeds=1, epochs=2)
        assert not study.errors and list(study.runs) == ["on", "off", "placebo", "item_rate", "overall_rate"]
        assert study.runs["off"][0].system == "served_ctr" and study.values["on"].shape == (1, 10)
        run = bench.fit("reloop2", epochs=2)
        assert "over 10 windows" in repr(run) and run.info["stream"]["labels"] == "clicks"
        assert len(run.per_case("log_likelihood")) == sum(run.info["stream"]["events"]["windows"])
        assert run.metrics["log_loss"] == pytest.approx(-run.per_case("log_likelihood").mean(), rel=0.05)
        again = prequential(run.recommender(), quiet=True).measures
        assert all(np.array_equal(again[name], run.per_case(name)) for name in again)
        recall = memory_recall(run)
        assert ((recall["of all"] > 0) & (recall["of all"] <= recall["of kept"]) & (recall["of kept"] <= 1)).all()
        with pytest.raises(UserError, match="has no memory of errors"):
            memory_recall(bench.fit("served_ctr", epochs=2))


@pytest.mark.parametrize("name, changes, message", [
    ("reloop2", {"lam": 1.5}, "lam=1.5 is from 0 to 1"), ("reloop2", {"tau": 0.0}, "tau=0.0 above 0"),
    ("reloop2", {"errors": "own "}, "did you mean 'own'"), ("reloop2", {"bits": 30}, "bits=30"),
    ("tuned_ctr", {"steps": -1}, "steps=-1"), ("tuned_ctr", {"labels": "other"}, "labels of tuned_ctr"),
    ("served_ctr", {"width": 0}, "width=0"), ("item_rate", {"prior": 0.0}, "prior=0.0 must be positive"),
    ("reloop2", {"windows": 0}, "windows=0"), ("overall_rate", {"windows": 10**6}, "ask for fewer windows"),
])  # fmt: skip
def test_a_setting_out_of_range_is_one_error(name, changes, message):
    with pytest.raises(UserError, match=message):
        systems.build(name, make_bench(name), **changes)


def test_rates_count_by_hand():
    observer = systems.build("item_rate", make_bench("item_rate"), prior=2.0)
    events = SimpleNamespace(items=np.array([1, 1, 2]), labels=np.array([1.0, 1.0, 0.0]), rows=np.arange(3))
    assert (observer.predict(events) == 0.5).all()
    observer.observe(events)
    rate = 3 / 5
    assert observer.predict(events) == pytest.approx([(2 + 2 * rate) / 4, (2 + 2 * rate) / 4, 2 * rate / 3])
