"""LERL: a planner of all categories is the base policy, what the bandit learns, the known optimum, resuming."""
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch

from workbench import experiment
from workbench.envs.session_optimum import optimum
from workbench.errors import UserError
from workbench.evaluate.episodes.rollout import rollout
from workbench.recommenders.sessions.asked_model import AskedModel
from workbench.recommenders.sessions.categories import CategoryBandit, RandomCategories, best, places
from workbench.recommenders.sessions.features import recent_counts
from workbench.recommenders.sessions.vector_policy import VectorPolicy
from workbench.train import PROFILES
from workbench.train.fit import TrainingSession

SMALL = replace(PROFILES["smoke"], users=None)


@lru_cache
def bench():
    return experiment.open_bench("synthetic", profile=SMALL, protocol={"ties": "file"},
                                 options={"users": 300, "items": 60})  # fmt: skip


@lru_cache
def fitted(name, epochs=6, **settings):
    keywords, recipe = bench().plan(name, epochs=epochs, **settings)
    policy = bench().build(name, **keywords)
    policy.fit(bench().split, TrainingSession(recipe, 0, "cpu", None))
    return policy


def played(policy):
    return {name: values.mean() for name, values in rollout(policy, policy.world("test"), quiet=True).items()}


def test_a_planner_that_allows_all_categories_changes_nothing():
    base = bench().build("vector_policy")
    worlds = base.worlds
    every = CategoryBandit(worlds.categories, worlds.n_categories, keep=worlds.n_categories, explore=1.0)
    planned = VectorPolicy(bench(), worlds, width=32, planner=every)
    a, b = (policy.play(0, 0) for policy in (base, planned))
    assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_it_is_better_than_its_base_and_than_a_random_planner_and_no_better_than_the_best():
    lerl, base, random = (played(fitted(*which[:1], **which[1])) for which in (
        ("lerl", {}), ("vector_policy", {}), ("lerl", {"planner": "random"})))  # fmt: skip
    assert lerl["return"] > base["return"] + 1 and lerl["return"] > random["return"] + 1
    assert lerl["length"] > random["length"]
    world = fitted("lerl").world("test")
    assert lerl["return"] < optimum(world, np.arange(3)).value.mean()


def test_what_tires_is_worth_less_to_the_bandit():
    """Of the user's favourite: not shown lately against shown in one of the last steps or more."""
    table = fitted("lerl").planner.module
    worth = (table.total / table.tried.clamp_min(1)).numpy()
    tried = table.tried.numpy()
    for place in range(3):
        assert worth[place, 0] > (table.total[place, 1:].sum() / tried[place, 1:].sum()).item()
    assert tried.sum() > 5_000


def test_items_are_of_the_categories_that_are_allowed():
    policy = fitted("lerl")
    world = policy.world("valid")
    seen = world.reset(np.arange(50), seed=0)
    policy.start(seen)
    for _ in range(5):
        allowed = policy.planner.allowed(seen, exploring=False, seed=0)
        items = policy.act(seen)
        assert (allowed.sum(axis=1) == 2).all()
        assert allowed[np.arange(50), policy.worlds.categories[items]].all()
        seen, *_ = world.step(items)


def test_the_bandit_counts_what_was_shown():
    policy = bench().build("lerl")
    episodes = policy.play(0, 0)
    policy.planner.learn(episodes)
    assert policy.planner.module.tried.sum() == (episodes.items > 0).sum()
    expected, C = np.zeros((policy.worlds.n_categories, 4)), policy.worlds.n_categories
    place = places(episodes.states[:, 0, :C])
    for row in range(len(episodes.items)):
        shown = policy.worlds.categories[episodes.items[row]][: (episodes.items[row] > 0).sum()].tolist()
        for t, category in enumerate(shown):
            expected[place[row, category], shown[max(0, t - 3) : t].count(category)] += 1
    assert np.array_equal(policy.planner.module.tried.numpy(), expected)


def test_random_categories_see_neither_the_user_nor_what_was_shown():
    planner, world = RandomCategories(2), bench().build("lerl").world("test")
    seen = world.reset(np.arange(40), seed=0)
    other = seen._replace(profile=seen.profile[::-1], shown=seen.shown + 1)
    first = planner.allowed(seen, exploring=False, seed=0)
    assert np.array_equal(first, planner.allowed(other, exploring=False, seed=0)) and (first.sum(axis=1) == 2).all()
    assert not np.array_equal(first, planner.allowed(seen, exploring=False, seed=1))


def test_a_language_model_is_asked_once_for_each_situation_and_told_what_was_shown():
    class Told:
        """Finds a category likelier the later its name is in the list, and unlikely if it was just shown."""

        prompts: list[str] = []

        def log_prob(self, prompts, continuations, *, prior_prompt):
            self.prompts.extend(prompts)
            shown = [prompt.split("last steps: ")[1].split(". Show")[0] for prompt in prompts]
            return np.array([[at - 100 * (name.strip() in said) for at, name in enumerate(continuations)]
                             for said in shown])  # fmt: skip

    policy, told = bench().build("lerl"), Told()
    worlds, C = policy.worlds, policy.worlds.n_categories
    planner = AskedModel(told, worlds.names, worlds.categories, keep=2)
    world = worlds.world("test")
    seen = world.reset(np.arange(60), seed=0)
    allowed = planner.allowed(seen, exploring=False, seed=0)
    assert allowed[:, -2:].all() and allowed.sum() == 120 and 1 < len(told.prompts) <= C * C
    seen, *_ = world.step(np.full(60, np.flatnonzero(worlds.categories == C - 1)[-1]))
    first = len(told.prompts)
    allowed = planner.allowed(seen, exploring=False, seed=0)
    assert allowed[:, C - 3 : C - 1].all() and len(told.prompts) == 2 * first
    planner.allowed(seen, exploring=True, seed=1)
    assert len(told.prompts) == 2 * first and len(set(told.prompts)) == 2 * first


def test_places_and_the_best_by_hand():
    assert places(np.array([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4]])).tolist() == [[2, 0, 1], [0, 2, 1]]
    assert best(np.array([[1.0, 3, 2]]), 2).tolist() == [[False, True, True]]


def test_what_was_shown_lately_is_counted():
    world = bench().build("random_items").world("test")
    seen = world.reset(np.arange(2), seed=0)
    categories, by_category = world.categories, [np.flatnonzero(world.categories[1:] == c)[0] + 1 for c in (0, 1)]
    for item in (by_category[0], by_category[0], by_category[1], by_category[0]):
        seen, *_ = world.step(np.array([item, item]))
    assert recent_counts(seen, categories)[0, :2].tolist() == [2, 1]


def test_a_resumed_training_is_the_same_bit_for_bit(tmp_path):
    def fit(folder, stop=None):
        keywords, recipe = bench().plan("lerl", epochs=4, valid_every=1, patience=9)
        policy, calls = bench().build("lerl", **keywords), []

        def validate(current):
            calls.append(1)
            if len(calls) == stop:
                raise KeyboardInterrupt
            return {"return": float(rollout(current, current.world("valid"), episodes=np.arange(20), quiet=True)
                                    ["return"].mean())}  # fmt: skip

        session = TrainingSession(recipe, 0, "cpu", validate, folder)
        return policy, policy.fit(bench().split, session)

    whole, curve = fit(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "cut", stop=3)
    resumed, curve_again = fit(tmp_path / "cut")
    assert [row["loss"] for row in curve] == [row["loss"] for row in curve_again]
    assert all(np.array_equal(array, resumed.state()[name]) for name, array in whole.state().items())
    assert torch.is_tensor(whole.module.acting)


@pytest.mark.parametrize("settings, message", [
    ({"planner": "bandits"}, "planner of lerl"), ({"planner": "model"}, "takes the name"),
    ({"model": "x"}, "takes the name"), ({"keep": 0}, "keep=0 is from 1 to"), ({"keep": 99}, "keep=99"),
    ({"explore": -1.0}, "explore=-1.0"), ({"width": 0}, "width=0"), ({"temper": 0}, "patience=0"),
])  # fmt: skip
def test_a_setting_out_of_range_is_an_error(settings, message):
    with pytest.raises(UserError, match=message):
        bench().build("lerl", **settings)
