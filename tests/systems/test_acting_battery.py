"""Contract tests of every policy in workbench/systems, in a few episodes of a small world."""
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from workbench import experiment, systems
from workbench.evaluate.episodes.rollout import rollout
from workbench.experiment.run_plan import plan_system
from workbench.systems.built_in_worlds import world_of
from workbench.train import PROFILES
from workbench.train.fit import TrainingSession
from workbench.verb_interfaces import Policy, World

NAMES = [name for name in systems.names() if systems.verb(name) == "act"]
TINY = replace(PROFILES["smoke"], epochs=3, users=None)
EPISODES = np.arange(60)
each_policy = pytest.mark.parametrize("name", NAMES)


def make_bench(name: str, seed: int = 0) -> experiment.Bench:
    return experiment.open_bench(world_of(name), profile=TINY, seed=seed, protocol={"ties": "file"},
                                 options={"users": 300})  # fmt: skip


def fit(bench: experiment.Bench, name: str, **changes) -> tuple[Policy, list[dict]]:
    """A newly fitted policy and its learning curve."""
    settings, recipe = bench.plan(name, **changes)
    policy = bench.build(name, **settings)

    def validate(current) -> dict[str, float]:
        found = rollout(current, current.world("valid"), episodes=EPISODES, quiet=True)
        return {measure: float(values.mean()) for measure, values in found.items()}

    return policy, policy.fit(bench.split, TrainingSession(recipe, bench.seed, "cpu", validate))


@lru_cache
def fitted(name: str):
    bench = make_bench(name)
    return bench, *fit(bench, name)


def measured(policy: Policy, episodes: np.ndarray = EPISODES) -> dict[str, np.ndarray]:
    return rollout(policy, policy.world("test"), episodes=episodes, quiet=True)


def identical(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def acts(policy: Policy) -> np.ndarray:
    """The first actions in episodes of test."""
    observation = policy.world("test").reset(EPISODES, seed=0)
    policy.start(observation)
    return np.asarray(policy.act(observation))


@each_policy
def test_it_acts_and_every_episode_is_measured(name):
    _, policy, _ = fitted(name)
    assert isinstance(policy, Policy)
    for part in ("train", "valid", "test"):
        assert isinstance(policy.world(part), World)
    found = measured(policy)
    assert set(found) == {*policy.world("test").measures, "return"}
    assert all(values.shape == EPISODES.shape and np.isfinite(values).all() for values in found.values())
    assert systems.kind(name).metric in found


@each_policy
def test_an_episode_is_the_same_in_any_company(name):
    _, policy, _ = fitted(name)
    whole, backwards = measured(policy), measured(policy, EPISODES[::-1])
    few = measured(policy, np.array([7, 3]))
    for measure, values in whole.items():
        np.testing.assert_allclose(backwards[measure][::-1], values, atol=1e-5, err_msg=measure)
        np.testing.assert_allclose(few[measure], values[[7, 3]], atol=1e-5, err_msg=measure)


@each_policy
def test_learns(name):
    _, policy, curve = fitted(name)
    module = getattr(policy, "module", None)
    assert (module is None) == (curve == []), "a learning curve if and only if there are parameters"
    assert policy.state(), "there is no state"
    if module is not None:
        assert len(curve) > 1 and all(np.isfinite(row["loss"]) for row in curve)


@each_policy
def test_a_second_fit_is_identical_and_reads_no_test_event(name):
    bench, policy, curve = fitted(name)
    test = bench.split.test
    other = test._replace(targets=(test.targets % bench.split.n_items + 1).astype(np.int32))
    again = replace(make_bench(name), given={"split": replace(bench.split, test=other)})
    refit, curve_again = fit(again, name)
    assert [row["loss"] for row in curve] == [row["loss"] for row in curve_again]
    state = policy.state()
    assert state.keys() == refit.state().keys()
    assert all(np.array_equal(array, state[key]) for key, array in refit.state().items())


@each_policy
def test_saving_and_loading_keeps_the_episodes(name, tmp_path):
    from safetensors.numpy import load_file, save_file

    bench, policy, _ = fitted(name)
    save_file({key: np.ascontiguousarray(array) for key, array in policy.state().items()}, tmp_path / "state")
    loaded = bench.build(name, **bench.plan(name)[0])
    loaded.load_state(load_file(tmp_path / "state"))
    assert identical(measured(loaded), measured(policy))


@each_policy
def test_the_ablation_equals_the_parent_and_the_placebo_differs(name):
    module = systems.load(name)
    bench, policy, _ = fitted(name)
    if module.OFF is not None:
        ablated = fit(bench, name, **module.OFF)[0]
        assert not identical(measured(ablated), measured(policy)), "the ablation changes nothing"
        if module.PARENT is not None:
            shared = world_of(name) == world_of(module.PARENT)
            parent = fitted(module.PARENT)[1] if shared else fit(bench, module.PARENT)[0]
            assert np.array_equal(acts(ablated), acts(parent)) and identical(measured(ablated), measured(parent))
    if module.PLACEBO is not None:
        assert not identical(measured(fit(bench, name, **module.PLACEBO)[0]), measured(policy))


@each_policy
def test_its_key_holds_what_it_draws_on(name):
    bench = make_bench(name)
    inputs = plan_system(bench, name, {}).inputs
    assert inputs["system"] == name and inputs["code"] == systems.code(name)
