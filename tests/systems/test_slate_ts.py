"""In-slate Thompson sampling: without variance greedy to the bit, more diverse than greedy, regret beside its rivals,
and the likelihood of what was shown beside that of all items."""
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from workbench import experiment, systems
from workbench.errors import UserError
from workbench.evaluate.episodes.rollout import rollout
from workbench.recommenders.slates import policy as policies
from workbench.recommenders.slates.held_out import log_loss
from workbench.recommenders.slates.logged import exposure, logged_slates
from workbench.train import PROFILES
from workbench.train.fit import TrainingSession

PROFILE = replace(PROFILES["smoke"], epochs=12, users=None)


@lru_cache
def bench():
    return experiment.open_bench("synthetic", profile=PROFILE, options={"users": 500})


@lru_cache
def fitted(name: str, **settings):
    settings, recipe = bench().plan(name, tastes="planted", batch_size=16, **settings)
    policy = bench().build(name, **settings)
    policy.fit(bench().split, TrainingSession(recipe, 0, "cpu"))
    return policy


@lru_cache
def measured(name: str, **settings) -> dict[str, float]:
    policy = fitted(name, **settings)
    return {name: values.mean() for name, values in rollout(policy, policy.world("test"), quiet=True).items()}


def with_weights(name: str, **settings):
    """A policy with the weights of greedy_slate: what differs is how it acts."""
    settings, _ = bench().plan(name, tastes="planted", **settings)
    policy = bench().build(name, **settings)
    policy.load_state(fitted("greedy_slate").state())
    return rollout(policy, policy.world("test"), quiet=True)


def test_without_variance_it_is_greedy_to_the_bit_and_draws_nothing(monkeypatch):
    monkeypatch.setattr(policies, "normal", lambda *arguments: pytest.fail("a number was drawn"))
    greedy, still = with_weights("greedy_slate"), with_weights("slate_ts", variance=0.0)
    assert all(np.array_equal(greedy[name], still[name]) for name in greedy)


def test_hardly_any_variance_is_greedy_too():
    greedy, nearly = with_weights("greedy_slate"), with_weights("slate_ts", variance=1e-20)
    assert all(np.array_equal(greedy[name], nearly[name]) for name in greedy)


def test_it_shows_more_categories_than_greedy_and_than_one_sample():
    diversity = {name: with_weights(name)["diversity"].mean()
                 for name in ("greedy_slate", "one_sample_slate", "slate_ts")}  # fmt: skip
    assert diversity["slate_ts"] > max(diversity["greedy_slate"], diversity["one_sample_slate"]) + 0.1


def test_regret_on_the_planted_world():
    """All that learn are far below popularity; one guess for a whole slate costs more than a guess for each slot."""
    regret = {name: with_weights(name)["regret"].mean() for name in ("greedy_slate", "one_sample_slate", "slate_ts")}
    popular = measured("popular_slate")["regret"]
    assert max(regret.values()) < 0.8 * popular
    assert regret["slate_ts"] < regret["one_sample_slate"]


def test_more_is_known_of_a_user_after_every_slate():
    policy = fitted("greedy_slate")
    world = policy.world("test")
    observation = world.reset(np.arange(40), seed=0)
    policy.start(observation)
    unknown = [40.0 * 6]
    for _ in range(6):
        observation, _, _ = world.step(policy.act(observation))
        unknown.append(np.trace(np.linalg.inv(policy.posterior.precision), axis1=1, axis2=2).sum())
    assert (np.diff(unknown[1:]) < 0).all() and unknown[-1] < 0.9 * unknown[0]


def test_the_likelihood_of_what_was_shown_predicts_clicks_better_than_that_of_all_items():
    world = fitted("greedy_slate").world("valid")
    log = logged_slates(world, exposure(bench().split), seed=1)
    shown, everything = (log_loss(fitted("greedy_slate", likelihood=of), log) for of in ("slate", "all-items"))
    clicks, length = log.clicked > 0, (log.shown > 0).sum(axis=2)
    rate = clicks.mean()
    constant = -(rate * np.log(rate / length[clicks].mean()) + (1 - rate) * np.log(1 - rate))
    assert shown["which"] < everything["which"] and shown["outcome"] < everything["outcome"]
    assert shown["which"] < np.log(length[clicks]).mean() and shown["outcome"] < constant


def test_users_of_train_validation_and_test_differ_and_are_the_same_for_every_seed():
    worlds = fitted("greedy_slate").worlds
    parts = [set(worlds.users(part).tolist()) for part in ("train", "valid", "test")]
    assert all(len(part) > 100 for part in parts) and not parts[0] & parts[1] and not parts[1] & parts[2]
    other = replace(bench(), seed=7).build("greedy_slate", tastes="planted")
    assert np.array_equal(other.worlds.users("test"), worlds.users("test"))
    assert np.array_equal(other.worlds.tastes.items, worlds.tastes.items)


@pytest.mark.parametrize("changes, message", [
    ({"likelihood": "all"}, "did you mean 'all-items'"), ({"noise": "isotropc"}, "did you mean 'isotropic'"),
    ({"tastes": "logs"}, "did you mean 'log'"), ({"width": 0}, "width=0"), ({"variance": -1.0}, "variance=-1.0"),
    ({"variance": np.nan}, "variance=nan"), ({"k": 0}, "k=0"), ({"horizon": 0}, "horizon=0"),
    ({"fatigue": -0.1}, "fatigue=-0.1"),
])  # fmt: skip
def test_settings_out_of_range_are_one_error(changes, message):
    with pytest.raises(UserError, match=message):
        systems.build("slate_ts", bench(), **changes).world("test")
