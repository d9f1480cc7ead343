"""Contract tests of every system that predicts sets, on few folds of a small world of visits."""
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from workbench import experiment, systems
from workbench.evaluate.sets.cases import cases_of, checked, evaluate_sets, validation
from workbench.experiment.run_plan import plan_system
from workbench.set_interfaces import Prescriber
from workbench.systems.built_in_worlds import world_of
from workbench.train import PROFILES
from workbench.train.fit import TrainingSession

NAMES = [name for name in systems.names() if systems.verb(name) == "prescribe"]
TINY = replace(PROFILES["smoke"], epochs=2, users=None)
SMALL = {"width": 8, "dim": 8, "past": 2}  # of a network
each_prescriber = pytest.mark.parametrize("name", NAMES)


def make_bench(name: str, seed: int = 0) -> experiment.Bench:
    return experiment.open_bench(world_of(name), profile=TINY, seed=seed, options={"users": 40})


def settings_of(bench: experiment.Bench, name: str, **changes):
    own = {key: value for key, value in SMALL.items() if key in systems.keywords(name)}
    return bench.plan(name, **{"folds": 3} | own | changes)


def fit(bench: experiment.Bench, name: str, **changes) -> tuple[Prescriber, list[dict]]:
    """A newly fitted prescriber and its learning curve."""
    settings, recipe = settings_of(bench, name, **changes)
    prescriber = bench.build(name, **settings)
    return prescriber, prescriber.fit(bench.split, TrainingSession(recipe, bench.seed, "cpu", validation))


@lru_cache
def fitted(name: str):
    """bench, prescriber, learning curve."""
    bench = make_bench(name)
    return bench, *fit(bench, name)


def everything(prescriber: Prescriber):
    return checked(prescriber, np.arange(len(prescriber.cases.visits)))


def identical(a, b) -> bool:
    return np.array_equal(a.scores, b.scores) and np.array_equal(a.chosen, b.chosen)


@each_prescriber
def test_every_visit_gets_a_set_and_is_measured(name):
    _, prescriber, _ = fitted(name)
    found, visits = evaluate_sets(prescriber), prescriber.cases.visits
    assert isinstance(prescriber, Prescriber) and systems.kind(name).metric in found
    assert everything(prescriber).chosen.any(axis=1).all(), "no set is empty"
    assert all(len(found[measure]) == len(visits) for measure in ("jaccard", "f1", "prauc", "interaction_rate"))
    assert len(found["jaccard_first"]) + len(found["jaccard_later"]) == len(visits)
    assert all(np.isfinite(values).all() for values in found.values())


@each_prescriber
def test_learns(name):
    _, prescriber, curve = fitted(name)
    modules = [model.module for model in prescriber.models if hasattr(model, "module")]
    assert bool(modules) == bool(curve), "a learning curve if and only if there are parameters"
    assert prescriber.state(), "there is no state"
    if modules:
        assert len(curve) > 1 and curve[-1]["loss"] < curve[0]["loss"]
        idle = [key for key, p in modules[0].named_parameters() if p.grad is None or not p.grad.any()]
        assert not idle, f"no gradient reached {idle}"


@each_prescriber
def test_a_second_fit_is_identical_and_reads_no_visit_of_its_test(name):
    """With other sets at the visits that test fold 0, its model stays bit for bit what it was; and so do what it
    prescribes at first visits, which have no earlier set."""
    bench, prescriber, curve = fitted(name)
    own, events = prescriber.cases, bench.dataset.interactions
    fold = own.folds[0]
    tested = events["visit"].isin(own.visits.visits[fold.test])
    other = events.assign(item=events["item"].mask(tested, events["item"] % bench.dataset.n_items + 1))
    changed = replace(make_bench(name), given={"dataset": replace(bench.dataset, interactions=other)})
    refit, curve_again = fit(changed, name)
    before, after = (each.cases.visits.sets.toarray() for each in (prescriber, refit))
    assert np.array_equal(np.flatnonzero((before != after).any(axis=1)), fold.test)
    assert len(curve) == len(curve_again)
    mine, again = (each.models[0].state() for each in (prescriber, refit))
    assert mine.keys() == again.keys() and all(np.array_equal(array, again[key]) for key, array in mine.items())
    first = fold.test[own.visits.position[fold.test] == 0]
    assert identical(checked(prescriber, first), checked(refit, first)), "the set of the visit itself is read"


@each_prescriber
def test_saving_and_loading_keeps_the_sets(name, tmp_path):
    from safetensors.numpy import load_file, save_file

    bench, prescriber, _ = fitted(name)
    state = {key: np.ascontiguousarray(array) for key, array in prescriber.state().items()}
    save_file(state, tmp_path / "state")
    loaded = bench.build(name, **settings_of(bench, name)[0])
    loaded.load_state(load_file(tmp_path / "state"))
    assert identical(everything(loaded), everything(prescriber))


@each_prescriber
def test_the_ablation_equals_the_parent_and_the_placebo_differs(name):
    module = systems.load(name)
    bench, prescriber, _ = fitted(name)
    if module.OFF is not None:
        ablated = fit(bench, name, **module.OFF)[0]
        assert not identical(everything(ablated), everything(prescriber)), "the ablation changes nothing"
        if module.PARENT is not None:
            parent = fitted(module.PARENT)[1]
            assert ablated.state().keys() == parent.state().keys()
            assert identical(everything(ablated), everything(parent))
    if module.PLACEBO is not None:
        assert not identical(everything(fit(bench, name, **module.PLACEBO)[0]), everything(prescriber))


@each_prescriber
def test_its_key_holds_what_it_draws_on(name):
    bench = make_bench(name)
    inputs = plan_system(bench, name, {}).inputs
    assert inputs["system"] == name and inputs["code"] == systems.code(name)
    assert "visits" in inputs["drawn"] and ("text" in inputs["drawn"]) == (name == "leader")


def test_all_systems_of_a_seed_are_tested_on_the_same_folds_and_seeds_are_other_splits():
    folds, same, other = (cases_of(make_bench("leader", seed), folds=3).folds for seed in (0, 0, 1))
    assert all(np.array_equal(a.test, b.test) for a, b in zip(folds, same))
    assert not all(np.array_equal(a.test, b.test) for a, b in zip(folds, other))
