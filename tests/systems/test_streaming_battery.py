"""Contract tests of every system that is served while events come in, on a few windows of a small world."""
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from workbench import experiment, systems
from workbench.evaluate.streams.prequential import Prequential, predictions, prequential, validation
from workbench.experiment.run_plan import plan_system
from workbench.systems.built_in_worlds import world_of
from workbench.train import PROFILES
from workbench.train.fit import TrainingSession
from workbench.verb_interfaces import Observer

NAMES = [name for name in systems.names() if systems.verb(name) == "observe"]
TINY = replace(PROFILES["smoke"], epochs=3, users=None)
each_observer = pytest.mark.parametrize("name", NAMES)


def make_bench(name: str, seed: int = 0) -> experiment.Bench:
    return experiment.open_bench(world_of(name), profile=TINY, seed=seed, options={"users": 200, "items": 60})


def fit(bench: experiment.Bench, name: str, **changes) -> tuple[Observer, list[dict]]:
    """A newly fitted observer and its learning curve."""
    settings, recipe = bench.plan(name, **changes)
    observer = bench.build(name, **settings)
    return observer, observer.fit(bench.split, TrainingSession(recipe, bench.seed, "cpu", validation))


@lru_cache
def fitted(name: str):
    """bench, observer, learning curve, and the state before the first window."""
    bench = make_bench(name)
    observer, curve = fit(bench, name)
    return bench, observer, curve, {key: array.copy() for key, array in observer.state().items()}


def served(observer: Observer, state: dict[str, np.ndarray]) -> Prequential:
    """The windows, from a state on."""
    observer.load_state(state)
    return prequential(observer, quiet=True)


@lru_cache
def windows(name: str) -> Prequential:
    _, observer, _, state = fitted(name)
    return served(observer, state)


def identical(a: Prequential, b: Prequential) -> bool:
    return all(np.array_equal(a.measures[name], b.measures[name]) for name in a.measures)


@each_observer
def test_every_window_is_predicted_and_measured(name):
    _, observer, _, _ = fitted(name)
    found = windows(name)
    assert isinstance(observer, Observer) and systems.kind(name).metric in found.measures
    assert len(found.measures["auc"]) == len(found.measures["log_loss"]) == observer.stream.windows == 10
    assert len(found.measures["log_likelihood"]) == sum(len(observer.stream.window(n).rows) for n in range(10))
    assert all(np.isfinite(values).all() for values in found.measures.values()) and not any(found.left_out.values())


@each_observer
def test_learns(name):
    _, observer, curve, state = fitted(name)
    module = getattr(observer, "module", None)
    assert (module is None) == (curve == []), "a learning curve if and only if there are parameters"
    assert state, "there is no state"
    if module is not None:
        assert len(curve) > 1 and curve[-1]["loss"] < curve[0]["loss"]
        idle = [key for key, p in module.named_parameters() if p.grad is None or not p.grad.any()]
        assert not idle, f"no gradient reached {idle}"


@each_observer
def test_a_second_fit_is_identical_and_no_event_is_read_before_its_time(name):
    """With other labels in the last five windows, the fit and the predictions of the windows before them, and of the
    first of them, stay bit for bit what they were."""
    bench, observer, curve, state = fitted(name)
    again = make_bench(name)
    stream = observer.stream
    later = np.arange(len(stream.labels)) >= stream.window(5).rows[0]
    other = np.where(later, 1 - stream.labels, stream.labels).astype(np.float32)
    settings, recipe = again.plan(name)
    refit = again.build(name, **settings)
    changed = replace(stream, labels=other)
    refit.stream = changed
    curve_again = refit.fit(again.split, TrainingSession(recipe, again.seed, "cpu", validation))
    assert [row["loss"] for row in curve] == [row["loss"] for row in curve_again]
    assert state.keys() == refit.state().keys()
    assert all(np.array_equal(array, state[key]) for key, array in refit.state().items())
    observer.load_state(state)
    for each, own in ((observer, stream), (refit, changed)):
        each.observe(own.valid)
    for number in range(6):
        mine, others = (predictions(each, each.stream.window(number)) for each in (observer, refit))
        assert np.array_equal(mine, others), number
        for each in (observer, refit):
            each.observe(each.stream.window(number))


@each_observer
def test_saving_and_loading_keeps_the_windows(name, tmp_path):
    """Before the first window, and in the middle: what was observed so far is part of the state."""
    from safetensors.numpy import load_file, save_file

    bench, observer, _, state = fitted(name)
    loaded = bench.build(name, **bench.plan(name)[0])
    save_file({key: np.ascontiguousarray(array) for key, array in state.items()}, tmp_path / "state")
    assert identical(served(loaded, load_file(tmp_path / "state")), windows(name))
    middle = {key: array.copy() for key, array in loaded.state().items()}
    again = bench.build(name, **bench.plan(name)[0])
    again.load_state(middle)
    event = observer.stream.window(9)
    assert np.array_equal(again.predict(event), loaded.predict(event))


@each_observer
def test_the_ablation_equals_the_parent_and_the_placebo_differs(name):
    module = systems.load(name)
    bench, _, _, _ = fitted(name)
    if module.OFF is not None:
        ablated = fit(bench, name, **module.OFF)[0]
        off = served(ablated, ablated.state())
        assert not identical(off, windows(name)), "the ablation changes nothing"
        if module.PARENT is not None:
            assert ablated.state().keys() == fitted(module.PARENT)[3].keys()
            assert identical(off, windows(module.PARENT))
    if module.PLACEBO is not None:
        control = fit(bench, name, **module.PLACEBO)[0]
        assert not identical(served(control, control.state()), windows(name))


@each_observer
def test_its_key_holds_what_it_draws_on(name):
    bench = make_bench(name)
    inputs = plan_system(bench, name, {}).inputs
    assert inputs["system"] == name and inputs["code"] == systems.code(name)
