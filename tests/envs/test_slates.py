"""Slates: by hand, the best slate by trying all, the same in any company, tastes of a log, Gymnasium, errors, speed."""
from itertools import permutations

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import make_histories, random_histories

from workbench.envs.single_episode import SingleEpisode
from workbench.envs.slates import SlateWorld, without_repeats
from workbench.envs.streams import uniform
from workbench.envs.tastes import Tastes, from_log, planted, scaled
from workbench.errors import UserError

CATEGORY = np.array([0, 0, 0, 1, 1, 2])  # of items 1 to 5, and of padding
TASTES = Tastes(np.array([[1.0], [-1.0]]), np.array([[0.0], [1], [2], [0], [-1], [1]]), np.zeros(6), CATEGORY)


def world(tastes=TASTES, users=(0, 1, 0), **changes):
    return SlateWorld(tastes, np.array(users), **{"k": 2, "horizon": 3, "no_click": 0.0, "length": 1.0, "fatigue": 0.5,
                                                  "memory": 0.5, "position": 1.0} | changes)  # fmt: skip


def test_by_hand():
    play, e = world(), np.e
    seen = play.reset(np.array([0, 1]), seed=0)
    assert seen.step.tolist() == [0, 0] and not seen.shown.any() and seen.user.tolist() == [0, 1]
    assert seen.category.tolist() == [CATEGORY.tolist()] * 2
    slates = np.array([[2, 1], [4, 0]])  # utilities 2 and 1 of the first user, 1 of the second
    p = play.chances(slates)
    first = np.array([e**2, e / 2])  # the second slot loses log 2, so that e^1 is halved; no click is e^(log 2)
    assert p == pytest.approx(np.array([first / (first.sum() + 2), [e / (e + 1), 0]]))
    best = play.best()  # one item is better than two, as the length counts: e^2 / (e^2 + 1) above the first row
    assert best == pytest.approx([e**2 / (e**2 + 1), e / (e + 1)])
    draw = uniform(0, "click", 0, np.array([0, 1]))[:, 0]
    seen, rewards, over = play.step(slates)
    assert (seen.clicked > 0).tolist() == (draw < p.sum(axis=1)).tolist() == (rewards == 1).tolist()
    assert seen.clicked[0] == (draw[0] >= p[0, 0]) + 1 or draw[0] >= p[0].sum()
    assert not over.any() and play.tired.tolist() == [[2, 0, 0], [0, 1, 0]]
    found = play.measure()
    assert found["regret"] == pytest.approx(best - p.sum(axis=1)) and found["diversity"].tolist() == [1, 1]
    tired = play.chances(slates)[0]  # two of the category were shown: each loses 1
    assert tired == pytest.approx(first / e / (first.sum() / e + 2))
    play.step(np.array([[3, 5], [3, 5]]))
    assert play.tired.tolist() == [[1, 1, 1], [0, 1.5, 1]]


def test_an_item_shown_twice_counts_once_and_an_empty_slate_is_never_clicked():
    play = world()
    play.reset(np.arange(3), seed=0)
    twice, once = play.chances(without_repeats(np.full((3, 2), 2))), play.chances(np.tile([2, 0], (3, 1)))
    assert np.array_equal(twice, once) and not play.chances(np.zeros((3, 2), int)).any()
    seen, rewards, _ = play.step(np.array([[2, 2], [0, 0], [2, 0]]))
    assert seen.shown.tolist() == [[2, 0], [0, 0], [2, 0]] and rewards[1] == 0
    assert play.measure()["diversity"].tolist() == [1, 0, 1]
    assert without_repeats(np.array([[3, 1, 3, 0, 1, 0]])).tolist() == [[3, 1, 0, 0, 0, 0]]


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), length=st.sampled_from([0.0, 0.3, 1.0]), fatigue=st.sampled_from([0.0, 0.4]))
def test_the_best_slate_is_the_best_of_all_and_regret_is_never_negative(seed, length, fatigue):
    rng = np.random.default_rng(seed)
    tastes = planted(4, np.concatenate([[0], rng.integers(0, 3, 5)]), dim=2, seed=seed)
    play = world(tastes, users=range(4), k=3, length=length, fatigue=fatigue)
    play.reset(np.arange(4), seed=seed)
    everything = [(*slate, *[0] * (3 - n)) for n in (1, 2, 3) for slate in permutations(range(1, 6), n)]
    for _ in range(3):
        every = [play.chances(np.tile(slate, (4, 1))).sum(axis=1) for slate in everything]
        assert play.best() == pytest.approx(np.max(every, axis=0))
        before = play.measure()["regret"]
        play.step(rng.integers(0, 6, (4, 3)))
        assert (play.measure()["regret"] >= before - 1e-12).all()


def test_clicks_come_as_often_as_their_chance():
    play = world(planted(1, CATEGORY, seed=1), users=[0] * 4000, horizon=1)
    play.reset(np.arange(4000), seed=5)
    slates = np.tile([1, 3], (4000, 1))
    p = play.chances(slates)[0]
    clicked = play.step(slates)[0].clicked
    assert [(clicked == slot).mean() for slot in (1, 2)] == pytest.approx(p, abs=0.03)


def test_an_episode_depends_on_its_number_and_ends_at_the_horizon():
    whole, few = world(users=[0, 1] * 20), world(users=[0, 1] * 20)
    whole.reset(np.arange(40), seed=3), few.reset(np.array([7, 4]), seed=3)
    for step in range(3):
        slates = np.tile([1 + step, 5], (40, 1))
        seen, rewards, over = whole.step(slates)
        part, part_rewards, _ = few.step(slates[:2])
        assert np.array_equal(seen.clicked[[7, 4]], part.clicked) and np.array_equal(rewards[[7, 4]], part_rewards)
    assert over.all()
    before = whole.measure()
    _, rewards, over = whole.step(slates)  # counts for nothing
    assert not rewards.any() and over.all() and all(np.array_equal(whole.measure()[m], before[m]) for m in before)


def test_planted_items_stand_around_their_category_and_users_are_equally_choosy():
    category = np.concatenate([[0], np.repeat(np.arange(40), 25)])
    tastes = planted(50, category, strength=2.0)
    assert (tastes.users @ tastes.items[1:].T).std(axis=1) == pytest.approx(np.full(50, 2.0))
    centred = tastes.items[1:].reshape(40, 25, -1)
    own = (centred - centred.mean(axis=1, keepdims=True)).var(axis=(0, 1)).mean()
    assert own / (own + centred.mean(axis=1).var(axis=0).mean()) == pytest.approx(0.6, abs=0.06)
    again, other = planted(50, category, strength=2.0), planted(50, category, strength=2.0, seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(tastes, again)) and not np.allclose(tastes.items, other.items)
    nobody = scaled(TASTES._replace(users=np.zeros((2, 1))), 1.0)
    assert not nobody.users.any()


def test_tastes_of_a_log_favour_what_users_took_and_read_nothing_else():
    rng = np.random.default_rng(0)
    groups = np.arange(80) % 2
    rows = [[*rng.choice(np.arange(1, 11) + 10 * group, 6, replace=False), rng.integers(1, 21)] for group in groups]
    train = make_histories(*rows)
    tastes = from_log(train, 81, 21, dim=2)
    utility = tastes.users @ tastes.items.T
    halves = np.stack([utility[:80, 1:11].mean(axis=1), utility[:80, 11:21].mean(axis=1)])
    assert (halves.argmax(axis=0) == groups).all()
    assert not tastes.users[80].any() and not tastes.items[[0, 21]].any(), "nobody and nothing that was not in the log"
    assert tastes.category.min() == 0 and tastes.category.max() <= 3  # by the signs of two factors
    assert np.linalg.norm(tastes.items[1:21], axis=1) == pytest.approx(1)
    assert tastes.quality[1:21].mean() > tastes.quality[21]
    given_category = from_log(train, 81, 21, np.arange(22), dim=2)
    assert given_category.category.tolist() == list(range(22))


def test_gymnasium_accepts_it():
    env = SingleEpisode(world())
    check_env(env, skip_render_check=True)
    env.reset(seed=1, options={"episode": 0})
    for _ in range(3):
        observation, _, over, _, measures = env.step(np.array([2, 5]))
    assert over and set(measures) == {"clicks", "regret", "diversity"} and observation["shown"].tolist() == [2, 5]


@pytest.mark.parametrize("make, message", [
    (lambda: world(k=6), "1 to 5 items.*k=6"), (lambda: world(horizon=0), "horizon=0"),
    (lambda: world(memory=1.0), "memory=1.0"), (lambda: world(fatigue=-1.0), "fatigue=-1.0"),
    (lambda: world(no_click=np.nan), "no_click=nan"), (lambda: world(users=[]), "given 0"),
    (lambda: world(users=[2]), "users from 0 to 1"),
    (lambda: world(TASTES._replace(quality=np.full(6, np.nan))), "not finite"),
    (lambda: planted(0, CATEGORY), "n_users=0"), (lambda: planted(2, CATEGORY, strength=0.0), "strength=0.0"),
    (lambda: from_log(random_histories(4, 5), 4, 5, dim=4), "dim=4 is from 1 to 2"),
])  # fmt: skip
def test_what_cannot_be_is_an_error(make, message):
    with pytest.raises(UserError, match=message):
        make()


@pytest.mark.parametrize("actions", [[[6, 0]], [[-1, 0]], [[1, 2, 3]], [[0.5, 1]], [1, 2]])
def test_an_action_outside_the_set_is_an_error(actions):
    play = world()
    play.reset(np.array([0]), seed=0)
    with pytest.raises(UserError, match="action"):
        play.step(np.array(actions))
