"""Critiques: by hand, never of what the target has, named once, the same in any company; Gymnasium's checks; errors."""
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from scipy.sparse import csc_matrix
from toys import make_histories

from workbench.envs.conversation import REJECTED, ConversationWorld
from workbench.envs.critiques import CritiquedWorld
from workbench.envs.single_episode import SingleEpisode
from workbench.errors import UserError

HAS = np.array([[0, 0, 0], [1, 1, 0], [1, 0, 0], [0, 1, 1], [0, 0, 1], [1, 1, 1]], np.float32)  # items 0 .. 5


def scores(histories):
    return np.tile(np.arange(6, dtype=np.float32), (len(histories), 1))


def world(targets=(4, 2, 5), *, aspects=1, critique="lacking"):
    inner = ConversationWorld(csc_matrix(HAS), make_histories([], [], []), np.array(targets), scores, k=2, patience=4)
    return CritiquedWorld(inner, aspects=aspects, critique=critique)


def test_by_hand():
    play = world()
    first = play.reset(np.array([0, 1]), seed=0)
    assert first.critique.shape == (2, 3) and not first.critique.any()
    seen, rewards, _ = play.step(np.array([[0, 1, 5], [0, 4, 5]]))
    assert seen.outcome.tolist() == [REJECTED, REJECTED] and rewards.tolist() == [-0.1, -0.1]
    assert seen.critique[0].sum() == 1 and not seen.critique[0, 2], "1 and 5 have the first two, 4 has the third"
    assert seen.critique[1].tolist() == [False, False, True], "both have the third attribute, one has the second"
    seen, *_ = play.step(np.array([[0, 2, 3], [0, 3, 1]]))
    assert seen.critique[0].sum() == 1 and play.named[0].tolist() == [True, True, False], "nothing is named twice"
    assert seen.critique[1].tolist() == [False, True, False]
    seen, _, over = play.step(np.array([[1, 0, 0], [0, 2, 1]]))
    assert not seen.critique.any() and over.tolist() == [False, True], "a question and a hit are not criticised"
    seen, _, over = play.step(np.array([[0, 2, 3], [0, 3, 4]]))
    assert not seen.critique.any() and over.all(), "all was said, and the second conversation is over"


def test_what_is_named_stays_a_candidate():
    play = world()
    play.reset(np.array([0]), seed=0)
    seen, *_ = play.step(np.array([[0, 1, 5]]))
    assert seen.candidates[0].tolist() == [False, False, True, True, True, False], "the list alone has left"


def test_a_random_critique_names_as_many_and_knows_nothing():
    true, other = world(aspects=3), world(aspects=3, critique="random")
    episodes = np.array([0] * 40)
    for play in (true, other):
        play.inner.reset(episodes, seed=0)
    true.reset(np.zeros(40, int), seed=0)
    other.reset(np.arange(40) % 3, seed=0)
    seen, *_ = other.step(np.tile([0, 1, 3], (40, 1)))
    rejected = seen.outcome == REJECTED
    lacking = ~(HAS[other.inner.target] > 0) & (HAS[[1, 3]].sum(axis=0) > 0)
    assert (seen.critique.sum(axis=1) == lacking.sum(axis=1) * rejected).all()
    assert (seen.critique & ~lacking)[rejected].any(), "it names what the target has, too"


def test_an_episode_is_the_same_in_any_company():
    play, actions = world(aspects=2), np.array([[0, 1, 3], [0, 3, 1], [0, 1, 3]])
    play.reset(np.array([0, 1, 2]), seed=3)
    whole = play.step(actions)[0].critique
    play.reset(np.array([2, 0]), seed=3)
    assert np.array_equal(play.step(actions[[2, 0]])[0].critique, whole[[2, 0]])


def test_gymnasium_accepts_it():
    check_env(SingleEpisode(world()), skip_render_check=True)


@pytest.mark.parametrize("changes, message", [({"aspects": 0}, "aspects=0"), ({"critique": "laking"}, "lacking")])
def test_errors(changes, message):
    with pytest.raises(UserError, match=message):
        world(**changes)
