"""Off-policy estimates: by hand, against the truth of a planted world, errors."""
import numpy as np
import pytest

from workbench.envs.slates import SlateWorld
from workbench.envs.tastes import planted
from workbench.errors import UserError
from workbench.evaluate.episodes.off_policy import Log, cross_fitted_rewards, off_policy, population_mean

ZERO = np.zeros(4, int)
TARGET = np.array([[0.5, 0.25, 0.25]])
SMALL = Log(np.array([0, 1, 1, 2]), np.array([1.0, 0, 1, 0]), np.array([0.5, 0.25, 0.5, 0.5]), ZERO)


def test_by_hand():
    weight = np.array([1.0, 1.0, 0.5, 0.5])
    found = off_policy(SMALL, TARGET, rewards=np.array([[0.5, 0.2, 0.4]]))
    assert found["ips"].value == pytest.approx(1.5 / 4) and found["snips"].value == pytest.approx(1.5 / 3)
    assert found["ess"] == pytest.approx(9 / 2.5)
    expected = 0.25 + 0.05 + 0.1
    terms = expected + weight * (SMALL.rewards - np.array([0.5, 0.2, 0.2, 0.4]))
    assert found["dr"].value == pytest.approx(terms.mean())
    half = 1.959964 * terms.std(ddof=1) / 2
    assert found["dr"][1:] == pytest.approx((terms.mean() - half, terms.mean() + half))


def test_of_the_logging_policy_itself_all_is_the_mean_and_every_event_counts():
    rng = np.random.default_rng(0)
    p = np.array([[0.2, 0.8], [0.6, 0.4]])
    contexts = rng.integers(0, 2, 500)
    actions = (rng.random(500) > p[contexts, 0]).astype(int)
    log = Log(actions, rng.random(500), p[contexts, actions], contexts)
    found = off_policy(log, p)
    assert found["ips"].value == found["snips"].value == pytest.approx(log.rewards.mean())
    assert found["ess"] == pytest.approx(500)
    assert "dr" not in found


def planted_log(n: int, *, seed: int):
    """Slates of one item: users of a planted world, who are shown an item by a skewed policy. The log, and the true
    chance (C, A) of a click, contexts being users."""
    world = SlateWorld(planted(8, np.array([0, *[0, 1] * 3]), dim=2), np.arange(n) % 8, k=1, horizon=1, no_click=1.0)
    world.reset(np.arange(n), seed=seed)
    truth = np.stack([world.chances(np.full((n, 1), item))[:8, 0] for item in range(1, 7)], axis=1)
    logging = np.random.default_rng(0).dirichlet(np.full(6, 1.5), 8) * 0.9 + 0.1 / 6
    contexts, u = np.arange(n) % 8, np.random.default_rng([seed, 1]).random((n, 1))
    actions = (u >= logging[contexts].cumsum(axis=1)[:, :-1]).sum(axis=1)
    _, rewards, _ = world.step(actions[:, None] + 1)
    return Log(actions, rewards, logging[contexts, actions], contexts), truth


def test_against_the_truth_of_a_planted_world():
    """Of 60 logs, nine in ten intervals or more hold the truth; DR has the smallest error, and needs no right model."""
    errors, covered, wrong = [], [], []
    for seed in range(60):
        log, truth = planted_log(800, seed=seed)
        target = np.eye(6)[truth.argmax(axis=1)] * 0.7 + 0.3 / 6
        value = (target * truth).sum(axis=1).mean()
        found = off_policy(log, target, rewards=cross_fitted_rewards(log, 8, 6, prior=5.0))
        names = ("ips", "snips", "dr")
        errors.append([found[name].value - value for name in names])
        covered.append([found[name].low <= value <= found[name].high for name in names])
        wrong.append(off_policy(log, target, rewards=np.full((8, 6), 0.9))["dr"].value - value)
    assert np.abs(np.mean(errors, axis=0)).max() < 0.015 and abs(np.mean(wrong)) < 0.015
    assert (np.mean(covered, axis=0) >= 0.88).all()
    spread = np.std(errors, axis=0)
    assert spread[2] < spread[0] and spread[1] < 1.1 * spread[0]
    assert log.rewards.mean() < value - 0.05, "the log's own mean is another value"


def test_a_reward_model_never_reads_the_reward_that_it_is_set_beside():
    log = SMALL._replace(rewards=np.array([1.0, 0, 1, 0]))
    model = cross_fitted_rewards(log, 1, 3, prior=1.0)
    for place in range(4):
        rewards = log.rewards.copy()
        rewards[place] += 5
        again = cross_fitted_rewards(log._replace(rewards=rewards), 1, 3, prior=1.0)
        assert np.array_equal(again[place], model[place])
    # even places hold actions 0 and 1, both clicked, so the odd ones expect 1 of all
    assert model[1] == pytest.approx([1, 1, 1])


def test_the_mean_of_a_population_by_hand():
    found = population_mean(np.array([1.0, 4.0]), np.array([0.5, 1.0]), 4)
    assert found["naive"].value == 2.5 and found["ips"].value == 6 / 4 and found["snips"].value == 2.0
    half = 1.959964 * np.sqrt(2**2 * 0.5) / 4
    assert found["ips"][1:] == pytest.approx((1.5 - half, 1.5 + half))


@pytest.mark.parametrize("change, message", [
    ({"propensities": np.array([0.5, 0, 0.5, 0.5])}, "1 propensities are not above 0.*such as 0.0"),
    ({"propensities": np.array([0.5, 1.5, 0.5, 0.5])}, "such as 1.5"),
    ({"propensities": np.array([0.5, np.nan, 0.5, 0.5])}, "such as nan"),
    ({"rewards": np.array([1.0, np.nan, 0, 0])}, "1 rewards are not a number"),
    ({"actions": np.array([0, 1, 3, 2])}, "actions are integers from 0 to 2; given 0 to 3, outside"),
    ({"actions": np.array([0, -1, 1, 2])}, "given -1 to 2"), ({"actions": np.array([0, 1, 1.0, 2])}, "are integers"),
    ({"contexts": np.array([0, 0, 1, 0])}, "contexts are integers from 0 to 0"),
    ({"rewards": np.zeros(3)}, r"given lengths \[3, 4\]"),
])  # fmt: skip
def test_a_log_that_cannot_be_is_one_error(change, message):
    with pytest.raises(UserError, match=message):
        off_policy(SMALL._replace(**change), TARGET)


@pytest.mark.parametrize("call, message", [
    (lambda: off_policy(SMALL, TARGET * 2), "sum to 1"),
    (lambda: off_policy(SMALL, np.array([[1.5, -0.25, -0.25]])), "0 or more"),
    (lambda: off_policy(SMALL, TARGET, rewards=np.zeros((1, 2))), "expected rewards"),
    (lambda: off_policy(SMALL, TARGET, rewards=np.full((1, 3), np.nan)), "expected rewards"),
    (lambda: cross_fitted_rewards(SMALL, 1, 3, folds=1), "folds=1"),
    (lambda: cross_fitted_rewards(SMALL, 1, 2), "actions are integers from 0 to 1; given 0 to 2"),
    (lambda: cross_fitted_rewards(SMALL._replace(rewards=np.full(4, np.nan)), 1, 3), "4 rewards are not a number"),
    (lambda: population_mean(np.ones(3), np.ones(3), 2), "of 2 cells"),
    (lambda: population_mean(np.ones(3), np.zeros(3), 9), "3 propensities"),
    (lambda: population_mean(np.array([np.inf]), np.ones(1), 9), "not a number"),
])  # fmt: skip
def test_what_cannot_be_is_one_error(call, message):
    with pytest.raises(UserError, match=message):
        call()
