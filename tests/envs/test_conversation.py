"""A conversation: by hand, the target never leaves, the same in any company, Gymnasium's checks, errors."""
import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_matrix
from toys import make_histories

from workbench.envs.conversation import NO, REJECTED, SILENT, TAKEN, YES, ConversationWorld
from workbench.envs.single_episode import SingleEpisode
from workbench.envs.streams import normal, uniform
from workbench.errors import UserError
from workbench.evaluate.episodes.measures import hdcg, success
from workbench.evaluate.episodes.rollout import rollout

HAS = np.array([[0, 0, 0], [1, 1, 0], [1, 0, 0], [0, 1, 1], [0, 0, 1], [1, 1, 1]], np.float32)  # items 0 .. 5
HISTORIES = make_histories([4], [1], [])


def scores(histories):
    return np.tile(np.arange(6, dtype=np.float32), (len(histories), 1))


def world(targets=(3, 2, 5), **changes):
    return ConversationWorld(csc_matrix(HAS), HISTORIES, np.array(targets), scores, **{"k": 2, "patience": 4} | changes)


def test_by_hand():
    play = world()
    seen = play.reset(np.array([0, 1]), seed=0)
    assert [np.flatnonzero(row).tolist() for row in seen.candidates] == [[1, 2, 3, 5], [2, 3, 4, 5]]
    seen, rewards, over = play.step(np.array([[1, 0, 0], [1, 0, 0]]))  # the first attribute: no, yes
    assert seen.outcome.tolist() == [NO, YES] and rewards.tolist() == [-0.1, 0.01] and not over.any()
    assert [np.flatnonzero(row).tolist() for row in seen.candidates] == [[3], [2, 5]]
    assert seen.known.tolist() == [[-1, 0, 0], [1, 0, 0]] and seen.asked.sum() == 2
    seen, rewards, over = play.step(np.array([[0, 3, 0], [0, 5, 4]]))
    assert seen.outcome.tolist() == [TAKEN, REJECTED] and rewards.tolist() == [1.0, -0.1]
    assert over.tolist() == [True, False]
    assert np.flatnonzero(seen.candidates[1]).tolist() == [2]
    for _ in range(2):
        seen, rewards, over = play.step(np.array([[0, 1, 1], [2, 0, 0]]))
    assert rewards.tolist() == [0.0, pytest.approx(-0.4)] and over.all() and seen.turn.tolist() == [3, 5]
    found = play.measure()
    assert found["turns"].tolist() == [2, 4] and found["success@5"].tolist() == [1, 0] and found["hdcg"][1] == 0


def test_hdcg_by_hand():
    assert hdcg(np.array([1, 2, 0]), np.array([1, 3, 0])) == pytest.approx(
        [1.0, 0.5 + (1 / np.log2(3) - 0.5) / 2, 0.0])  # fmt: skip
    assert success(np.array([0, 3, 4]), 3).tolist() == [0, 1, 0]


class Anything:
    """Acts at random, by a generator of its own."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def start(self, observation):
        self.B = len(observation.turn)

    def act(self, observation):
        return np.column_stack([self.rng.integers(0, 4, self.B), self.rng.integers(0, 6, (self.B, 2))])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), silence=st.sampled_from([0.0, 0.5]))
def test_the_target_never_leaves_and_what_was_denied_does(seed, silence):
    play, policy, episodes = world(silence=silence, patience=6), Anything(seed), np.array([0, 1, 2])
    seen = play.reset(episodes, seed=seed)
    policy.start(seen)
    for _ in range(6):
        seen, _, over = play.step(policy.act(seen))
        open_rows = np.flatnonzero(~over)
        assert seen.candidates[open_rows, play.targets[open_rows]].all()
        for row in open_rows:
            for attribute, answer in enumerate(seen.known[row]):
                left = HAS[seen.candidates[row], attribute]
                assert answer == 0 or (left == (answer == 1)).all()
    assert over.all()


def test_silence_says_nothing_and_costs_a_turn():
    play = world(silence=1.0)
    before = play.reset(np.arange(3), seed=0)
    seen, rewards, _ = play.step(np.tile([1, 0, 0], (3, 1)))
    assert (seen.outcome == SILENT).all() and (rewards == 0).all() and (seen.turn == 2).all()
    assert np.array_equal(seen.candidates, before.candidates) and seen.asked[:, 0].all() and not seen.known.any()


def test_chance_is_the_same_in_any_company():
    whole = uniform(3, "a", 5, np.arange(1000), 4)
    assert np.array_equal(uniform(3, "a", 5, np.array([7, 3]), 4), whole[[7, 3]])
    assert abs(whole.mean() - 0.5) < 0.02 and abs(np.corrcoef(whole.T) - np.eye(4)).max() < 0.1
    for other in (uniform(4, "a", 5, np.arange(1000), 4), uniform(3, "b", 5, np.arange(1000), 4),
                  uniform(3, "a", 6, np.arange(1000), 4)):  # fmt: skip
        assert abs(np.corrcoef(other.ravel(), whole.ravel())[0, 1]) < 0.1
    drawn = normal(0, "a", 0, np.arange(4000))
    assert abs(drawn.mean()) < 0.06 and abs(drawn.std() - 1) < 0.05


def test_gymnasium_accepts_it():
    env = SingleEpisode(world())
    assert isinstance(env, gymnasium.Env)
    check_env(env, skip_render_check=True)
    env.reset(seed=1, options={"episode": 0})
    assert env.step(np.array([0, 3, 1]))[1:4] == (1.0, True, False)
    with pytest.raises(UserError, match="episode=3: there are episodes 0 to 2"):
        env.reset(options={"episode": 3})


@pytest.mark.parametrize("make, message", [
    (lambda: world(targets=(4, 2, 5)), "in the history of its user"),
    (lambda: ConversationWorld(csc_matrix(HAS * 0), HISTORIES, np.array([3, 2, 5]), scores), "3 of 3 targets have no"),
    (lambda: world(patience=0), "patience=0"), (lambda: world(silence=1.5), "silence=1.5"),
    (lambda: ConversationWorld(csc_matrix(HAS), HISTORIES.take(np.zeros(0, int)), np.zeros(0, int), scores), "none in"),
])  # fmt: skip
def test_what_cannot_be_is_an_error(make, message):
    with pytest.raises(UserError, match=message):
        make()


@pytest.mark.parametrize("actions", [[[4, 0, 0]], [[-1, 0, 0]], [[0, 6, 0]], [[0, 1]], [[0.5, 1, 1]]])
def test_an_action_outside_the_set_is_an_error(actions):
    play = world()
    play.reset(np.array([0]), seed=0)
    with pytest.raises(UserError, match="action"):
        play.step(np.array(actions))


def test_a_world_that_does_not_end_and_a_reward_that_is_no_number_are_errors():
    endless, broken = world(), world()
    endless.horizon, endless.step = 2, lambda actions, step=endless.step: (*step(actions)[:2], np.zeros(3, bool))
    with pytest.raises(UserError, match="3 episodes of ConversationWorld are not over"):
        rollout(Anything(0), endless, quiet=True)
    broken.step = lambda actions, step=broken.step: (step(actions)[0], np.full(3, np.nan), np.ones(3, bool))
    with pytest.raises(UserError, match="a reward that is not a number"):
        rollout(Anything(0), broken, quiet=True)
    with pytest.raises(UserError, match="at least one episode"):
        rollout(Anything(0), world(), episodes=np.zeros(0, int))


def test_an_env_of_such_a_world_never_hangs():
    endless, broken = world(), world()
    endless.step = lambda actions, step=endless.step: (*step(actions)[:2], np.zeros(1, bool))
    env = SingleEpisode(endless)
    env.reset(seed=0)
    with pytest.raises(UserError, match="ConversationWorld is not over after its horizon of 4 steps"):
        while not env.step(np.array([1, 0, 0]))[2]:
            pass
    broken.step = lambda actions, step=broken.step: (step(actions)[0], np.full(1, np.nan), np.zeros(1, bool))
    env = SingleEpisode(broken)
    env.reset(seed=0)
    with pytest.raises(UserError, match="a reward that is not a number"):
        env.step(np.array([1, 0, 0]))
