"""The world of music for a video: queries, remarks, ranks and measures of a toy, by hand."""
import numpy as np
import pytest
from scipy.sparse import csr_matrix

from workbench.envs.clips import ClipWorld, ranks_of
from workbench.errors import UserError

VIDEO = np.arange(10, dtype=np.float32).reshape(5, 2)
WORDS = csr_matrix(np.array([[0, 0], [1, 0], [0, 1], [0, 0], [1, 0]], np.float32))


def world() -> ClipWorld:
    """Clips 2, 3 and 4; a remark says which clip is wanted and which was offered."""
    return ClipWorld(VIDEO, WORDS, np.array([2, 3, 4]), lambda wanted, offered: np.stack([wanted, offered], 1) * 1.0)


def test_three_queries_are_asked_and_measured():
    toy = world()
    first = toy.reset(np.array([2, 0]), seed=0)
    assert first.candidates.tolist() == [[2, 3, 4]] * 2 and first.video.tolist() == [[8, 9], [4, 5]]
    assert not first.said.any() and not first.words.any() and not first.offered.any()
    second, rewards, over = toy.step(np.array([[3.0, 2, 1], [0, 5, 0]]))
    assert rewards.tolist() == [1, 1] and not over.any()
    assert second.words.tolist() == [[1, 0], [0, 1]] and second.said.all() and not second.offered.any()
    third, _, over = toy.step(np.array([[1.0, 1, 1], [1, 1, 1]]))
    assert third.offered.tolist() == [2, 3], "ranked first for the video alone, not after the description"
    assert third.words.tolist() == [[4, 2], [2, 3]] and not over.any()
    _, _, over = toy.step(np.array([[0, 0, 9], [9, 0, 0]]))
    found = {name: values.tolist() for name, values in toy.measure().items()}
    assert over.all() and set(found) == set(toy.measures)
    assert found["rank video"] == [3, 2] and found["rank described"] == [3, 1] and found["rank remarked"] == [1, 1]
    assert found["recall@1 video"] == [0, 0] and found["recall@1 remarked"] == [1, 1] and found["recall@10"] == [1, 1]
    assert toy.step(np.zeros((2, 3)))[1].tolist() == [0, 0], "after the end nothing counts"


def test_of_clips_that_are_alike_the_first_ranks_higher():
    scores = np.array([[1.0, 1, 1, 0], [1, 1, 1, 0], [0, 0, 0, 1]])
    assert ranks_of(scores, np.array([0, 2, 0])).tolist() == [1, 3, 2]
    many = np.random.default_rng(0).integers(0, 4, (50, 9))
    column = np.random.default_rng(1).integers(0, 9, 50)
    order = np.argsort(-many, axis=1, kind="stable")
    assert np.array_equal(ranks_of(many, column), 1 + (order == column[:, None]).argmax(axis=1))


@pytest.mark.parametrize("actions", [np.zeros((1, 2)), np.full((1, 3), np.nan), np.zeros(3)])
def test_actions_are_a_finite_score_for_each_candidate(actions):
    toy = world()
    toy.reset(np.array([0]), seed=0)
    with pytest.raises(UserError, match=r"finite scores \(1, 3\) of the candidates"):
        toy.step(actions)


def test_one_clip_is_no_choice():
    with pytest.raises(UserError, match="two clips or more; this part of the data has 1"):
        ClipWorld(VIDEO, WORDS, np.array([2]), lambda wanted, offered: None)
