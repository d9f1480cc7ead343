"""Sessions: by hand, the best policy by brute force, the same in any company, Gymnasium's checks, errors."""
from itertools import product

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from workbench.envs.session_optimum import optimum
from workbench.envs.sessions import WINDOW, Rules, SessionWorld, click_chance
from workbench.envs.single_episode import SingleEpisode
from workbench.errors import UserError
from workbench.evaluate.episodes.rollout import rollout

CATEGORIES = np.array([0, 0, 0, 1, 1, 2, 0])  # items 1, 2, 6 | 3, 4 | 5
APPEAL = np.array([0.0, 1, -1, 0, 0.5, 0, 2])
BAIT = np.array([0, 0, 0, 0, 0, 0, 1])
TASTE = np.array([[1.0, 0, -1], [-1, 0.5, 2]])
PROFILES = np.array([[0.6, 0.3, 0.1], [0.2, 0.3, 0.5]])


def world(taste=TASTE, **changes):
    rules = Rules(**{"patience": 3, "most": 3, "horizon": 4, "tiring": 0.5, "value": 2.0} | changes)
    return SessionWorld(CATEGORIES, APPEAL, BAIT, taste, np.resize(PROFILES, np.shape(taste)), rules)


class Plays:
    """Plays the same items in every episode."""

    def __init__(self, items):
        self.items = items

    def start(self, observation):
        self.B = len(observation.step)

    def act(self, observation):
        return np.full(self.B, self.items[min(observation.step[0], len(self.items) - 1)])


def certain(**changes):
    """Every fresh item is clicked."""
    return world(np.full((2, 3), 60.0), tiring=1.0, **changes)


def test_by_hand():
    play = certain()
    seen = play.reset(np.array([1, 0]), seed=0)
    assert seen.profile.tolist() == PROFILES[[1, 0]].astype(np.float32).tolist() and not seen.shown.any()
    seen, rewards, over = play.step(np.array([1, 1]))
    assert rewards.tolist() == [1, 1] and play.left.tolist() == [3, 3]  # fresh, and patience is full
    seen, rewards, over = play.step(np.array([2, 3]))  # the category again; another one
    assert rewards.tolist() == [0, 1] and play.left.tolist() == [2, 3]
    seen, rewards, over = play.step(np.array([1, 5]))
    assert rewards.tolist() == [0, 1] and over.tolist() == [True, False]  # two repeats: patience is out
    seen, rewards, over = play.step(np.array([1, 1]))  # the third last item of the window: one repeat
    assert over.all() and rewards[0] == 0 and seen.rewards[0].tolist() == [0, 0]
    assert play.left.tolist() == [0, 2] and rewards[1] == 2 * play.measure()["returns"][1]
    assert seen.shown.tolist() == [[1, 2, 1, 0], [1, 3, 5, 1]] and seen.clicked.sum() == 4
    found = play.measure()
    assert found["clicks"].tolist() == [1, 3] and found["length"].tolist() == [3, 4] and found["returns"][0] == 0


def test_bait_costs_patience_and_nothing_else():
    play = certain(most=5)
    play.reset(np.array([0, 1]), seed=0)
    _, rewards, _ = play.step(np.array([6, 1]))
    assert rewards.tolist() == [1, 1] and play.left.tolist() == [2, 4]
    _, rewards, over = play.step(np.array([6, 4]))
    assert rewards.tolist() == [0, 1] and play.left.tolist() == [0, 5] and over.tolist() == [True, False]


def test_returns_come_as_often_as_patience_is_left():
    many = world(np.zeros((4000, 3)))
    found = rollout(Plays([1, 3, 1, 3]), many, quiet=True)  # two repeats: a third of patience is left
    assert found["returns"].mean() == pytest.approx(1 / 3, abs=0.03)
    p = click_chance(np.array([1.0, 0.0]))
    assert found["clicks"].mean() == pytest.approx(p.sum() * 1.5, abs=0.05)
    assert found["return"] == pytest.approx(found["clicks"] + 2 * found["returns"])


def expected(play, episode, plan):
    """The expected clicks and return of a sequence of items, in expectation over clicks, which change nothing else."""
    left, recent, clicks = play.rules.patience, [], 0.0
    for item in plan:
        category = CATEGORIES[item]
        repeats = recent[-WINDOW:].count(category)
        cost = repeats + BAIT[item]
        clicks += click_chance(TASTE[episode, category] + APPEAL[item]) * (1 - play.rules.tiring) ** repeats
        left = max(left - cost, 0) if cost else min(left + 1, play.rules.most)
        recent.append(category)
        if not left:
            break
    return clicks, left / play.rules.most


@pytest.mark.parametrize("changes", [{}, {"horizon": 6, "patience": 2, "most": 5}, {"value": 0.0}, {"value": 20.0}])
def test_the_best_policy_is_that_of_brute_force(changes):
    """As clicks do not change what follows, a fixed sequence is as good as any policy."""
    play = world(**changes)
    found = optimum(play, np.array([0, 1]))
    for episode in (0, 1):
        each = [expected(play, episode, plan) for plan in product([1, 4, 5, 6], repeat=play.horizon)]
        assert found.value[episode] == pytest.approx(max(c + play.rules.value * r for c, r in each))
    assert found.value == pytest.approx(found.clicks + play.rules.value * found.returns)


def test_a_return_is_paid_for_in_clicks():
    values = [0.0, 1.0, 4.0, 100.0]
    play = world(horizon=8, patience=4, most=8)
    front = [optimum(play, np.array([0, 1]), value=value) for value in values]
    clicks, returns = (np.array([getattr(each, name).mean() for each in front]) for name in ("clicks", "returns"))
    assert (np.diff(clicks) <= 1e-9).all() and (np.diff(returns) >= -1e-9).all()
    assert clicks[0] > clicks[-1] + 0.1 and returns[-1] > returns[0] + 0.5


def test_no_policy_is_better_than_the_best():
    many = world(np.tile(TASTE, (1000, 1)), horizon=6, most=6)
    best = optimum(many, np.arange(2)).value.mean()
    for items in ([1], [1, 4, 5], [1, 4], [5, 4, 1, 5, 4], [6, 4, 5]):
        assert rollout(Plays(items), many, quiet=True)["return"].mean() < best + 0.1


def test_an_episode_is_the_same_in_any_company():
    many = world(np.tile(TASTE, (50, 1)), horizon=6)
    whole = rollout(Plays([1, 4, 5]), many, quiet=True)
    few = rollout(Plays([1, 4, 5]), many, episodes=np.array([7, 3]), quiet=True)
    assert all(np.array_equal(values[[7, 3]], few[name]) for name, values in whole.items())
    other = rollout(Plays([1, 4, 5]), many, seed=1, quiet=True)
    assert not np.array_equal(other["clicks"], whole["clicks"])


def test_gymnasium_accepts_it():
    env = SingleEpisode(world())
    assert isinstance(env, gymnasium.Env)
    check_env(env, skip_render_check=True)
    env.reset(seed=1, options={"episode": 0})
    for item in (1, 1, 1):
        observation, _, over, cut, info = env.step(np.int64(item))
    assert over and not cut and info["length"] == 3 and observation["step"] == 3


@pytest.mark.parametrize("make, message", [
    (lambda: world(patience=0), "patience=0"), (lambda: world(patience=4), "patience=4 is from 1 to most=3"),
    (lambda: world(horizon=10**9), "horizon=1000000000"),
    (lambda: world(tiring=1.5), "tiring=1.5"), (lambda: world(value=np.nan), "value=nan"),
    (lambda: world(np.full((2, 3), np.nan)), "not a finite number"),
    (lambda: world(np.zeros((2, 1))), "two categories"), (lambda: world(np.zeros((0, 3))), "0 users"),
    (lambda: world(np.zeros((2, 2))), "outside 0 to 1"),
    (lambda: optimum(SessionWorld(np.arange(80), *np.zeros((2, 80)), *np.zeros((2, 1, 80))), [0]), "too many"),
])  # fmt: skip
def test_what_cannot_be_is_an_error(make, message):
    with pytest.raises(UserError, match=message):
        make()


@pytest.mark.parametrize("actions", [[0, 1], [1, 7], [-1, 1], [1], [0.5, 1.0], [[1], [1]]])
def test_an_action_outside_the_set_is_an_error(actions):
    play = world()
    play.reset(np.array([0, 1]), seed=0)
    with pytest.raises(UserError, match="action"):
        play.step(np.array(actions))


def test_a_world_that_does_not_end_and_a_reward_that_is_no_number_are_errors():
    endless, broken = world(), world()
    endless.horizon = 2
    endless.step = lambda actions, step=endless.step: (*step(actions)[:2], np.zeros(2, bool))
    with pytest.raises(UserError, match="2 episodes of SessionWorld are not over"):
        rollout(Plays([1, 4]), endless, quiet=True)
    broken.step = lambda actions, step=broken.step: (step(actions)[0], np.full(2, np.nan), np.ones(2, bool))
    with pytest.raises(UserError, match="a reward that is not a number"):
        rollout(Plays([1]), broken, quiet=True)


def test_a_step_after_the_end_changes_nothing():
    play = world()
    play.reset(np.array([0, 1]), seed=0)
    for _ in range(4):
        play.step(np.array([1, 4]))
    before = play.measure()
    seen, rewards, over = play.step(np.array([5, 5]))
    assert over.all() and not rewards.any() and seen.step.tolist() == [4, 4]
    assert all(np.array_equal(before[name], values) for name, values in play.measure().items())
