"""ReRe and GREAM: where they start, what is rewarded, what is controlled, and that rewards are what is learned from."""
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch

from workbench import experiment
from workbench.errors import UserError
from workbench.evaluate import evaluate
from workbench.losses.group_policy import standardised
from workbench.systems.preference import gream, rere
from workbench.train import PROFILES
from workbench.train.fit import TrainingSession

PROFILE = replace(PROFILES["smoke"], epochs=4, users=None)
SMALL = {"width": 32, "layers": 1}
STILL = {"lr": 1e-12}  # so that nothing is learned: what is logged is of the start
MUCH = {"epochs": 6, "batch_size": 8, "lr": 0.02, "valid_every": 1, "patience": 100}


@lru_cache
def bench():
    return experiment.open_bench("synthetic", profile=PROFILE, options={"users": 100, "items": 60})


@lru_cache
def train(name, **changes):
    settings, recipe = bench().plan(name, **SMALL, **changes)
    model, valid = bench().build(name, **settings), bench().split.valid

    def validate(current):
        return evaluate(current, valid, bench().split, quiet=True).metrics(valid, bench().split)

    return model, model.fit(bench().split, TrainingSession(recipe, bench().seed, "cpu", validate))


def test_rewards_of_ranks_by_hand():
    hits = torch.tensor([[False, True, False], [False, False, False]])
    discounts = 1 / np.log2([2, 3, 4])
    first, _, third = discounts / discounts.sum()
    assert torch.allclose(rere.rank_rewards(hits)[0], torch.tensor([-first, 1.0, -third]).float())
    assert not rere.rank_rewards(hits)[1].any(), "nothing to learn where the target is missing"
    assert rere.rank_rewards(hits, ranking=False).tolist() == hits.float().tolist()


def test_the_likelier_a_wrong_item_the_lower_its_advantage():
    hits = torch.zeros(1, 16, dtype=torch.bool)
    hits[0, 5] = True
    advantages = standardised(rere.rank_rewards(hits))[0]
    others = advantages[~hits[0]]
    assert (others.diff() > 0).all() and advantages[5] > others.max() and abs(advantages.sum().item()) < 1e-4


@pytest.mark.parametrize("levels", [2, 3, 4, 5, 7])
def test_rewards_rise_with_the_prefix(levels):
    rewards = gream.prefix_rewards(torch.arange(levels + 1)[None], levels)[0]
    assert rewards[0] == 0 and rewards[-1] == 1 and (rewards.diff() >= 0).all() and (rewards[:-1] < 1).all()
    assert torch.allclose(rewards[:5], torch.tensor([0, 0.5, 0.707, 0.866, 0.95])[: levels + 1].index_fill(
        0, torch.tensor([i for i in range(5) if i == levels]).long(), 1.0))  # fmt: skip


@pytest.mark.parametrize("name", ["rere", "gream"])
@pytest.mark.parametrize("objective", ["policy", "ce"])
def test_training_begins_where_tiger_ended(name, objective):
    tiger = bench().teacher("tiger", **SMALL).recommender().state()
    model, curve = train(name, objective=objective, **STILL)
    assert all(np.allclose(model.state()[key], value, atol=1e-6) for key, value in tiger.items())
    assert len(curve) == 4 and model.likelihood == (objective == "ce")
    if objective == "policy":  # a policy that is still its reference
        assert abs(curve[-1]["loss"]) < 1e-5 and abs(curve[-1]["policy/kl"]) < 1e-5


def test_what_is_logged():
    _, curve = train("rere")
    logged = curve[-1]
    assert {key for key in logged if key.startswith("policy/")} == {
        "policy/live", "policy/reward", "policy/hit", "policy/kl", "policy/entropy"}  # fmt: skip
    assert logged["policy/live"] == logged["policy/hit"], "without the target a group of rere teaches nothing"
    assert 0 < logged["policy/hit"] < 1 and 0 < logged["policy/kl"] < 1 and 0 < logged["policy/entropy"] < np.log(64)


def test_more_groups_are_live_under_rewards_of_prefixes():
    exact, prefix = (train("gream", reward=reward, **STILL)[1][-1] for reward in ("exact", "prefix"))
    assert exact["policy/hit"] == prefix["policy/hit"] == exact["policy/live"] < prefix["policy/live"]


@pytest.mark.slow
def test_rewards_are_learned_from_and_shuffled_ones_are_not():
    """Each history is seen often, so that what its target is can be learned from rewards alone."""
    (_, learned), (_, placebo) = (train("rere", **MUCH, **arm) for arm in ({}, {"shuffled": True}))
    hits = [np.mean([row["policy/hit"] for row in curve[-3:]]) for curve in (learned, placebo)]
    assert hits[0] > learned[0]["policy/hit"] + 0.1 and hits[0] > hits[1] + 0.1, hits


def test_the_penalty_keeps_the_policy_near_tiger():
    free, held = (train("rere", **MUCH, **arm)[1][-1]["policy/kl"] for arm in ({}, {"kl": 100.0}))
    assert held < free / 2


@pytest.mark.parametrize("name, changes", [("rere", {"kl": 1.0, **SMALL}), ("dynamic_po", {"width": 16, "layers": 1})])
def test_a_training_that_was_interrupted_has_the_same_reference(name, changes, tmp_path):
    """It is what training began from, not where it was interrupted."""
    settings, recipe = bench().plan(name, **changes, epochs=3, valid_every=1)

    def fit(folder, stop: int):
        calls = iter(range(9))

        def validate(current):
            if next(calls) == stop:
                raise KeyboardInterrupt
            return {"ndcg@10": 0.0}

        model = bench().build(name, **settings)
        curve = model.fit(bench().split, TrainingSession(recipe, bench().seed, "cpu", validate, folder))
        return model.state(), [row["loss"] for row in curve]

    whole, losses = fit(None, 9)
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path, 1)
    resumed, again = fit(tmp_path, 9)
    assert losses == again and all(np.array_equal(resumed[key], value) for key, value in whole.items())


@pytest.mark.parametrize("name, changes, message", [
    ("rere", {"group": 1}, "group of 1 rollouts"), ("rere", {"group": 10_000}, "group of 10000 rollouts"),
    ("rere", {"kl": -1.0}, "kl=-1.0"), ("rere", {"objective": "c"}, "objective"),
    ("gream", {"k": 17}, "k=17 are drawn from a group of 16"), ("gream", {"k": -1}, "k=-1"),
    ("gream", {"reward": "prefixes"}, "did you mean 'prefix'"), ("gream", {"width": 33}, "multiple of 32"),
])  # fmt: skip
def test_bad_settings(name, changes, message):
    with pytest.raises(UserError, match=message):
        bench().build(name, **SMALL | changes)
