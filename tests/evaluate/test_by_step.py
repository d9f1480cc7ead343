"""Measures by step: the last is that of a rollout, and what is broken is an error as it is there."""
import numpy as np
import pytest

from workbench.envs.sessions import SessionWorld
from workbench.errors import UserError
from workbench.evaluate.episodes.by_step import measures_by_step
from workbench.evaluate.episodes.rollout import rollout


class ShowsInTurn:
    """Shows items 1 and 2 in turn."""

    def start(self, observation):
        self.B = len(observation.step)

    def act(self, observation):
        return np.full(self.B, 1 + observation.step[0] % 2)


def world():
    categories, none = np.array([0, 0, 1]), np.zeros(3)
    return SessionWorld(categories, none, none, np.array([[1.0, 0], [0, 1], [2, -1]]), np.full((3, 2), 0.5))


def test_the_last_step_is_the_rollout():
    found, whole = measures_by_step(ShowsInTurn(), world()), rollout(ShowsInTurn(), world(), quiet=True)
    assert found["clicks"].shape == (20, 3) and (np.diff(found["clicks"], axis=0) >= 0).all()
    assert all(np.array_equal(values[-1], whole[name]) for name, values in found.items())
    assert np.array_equal(measures_by_step(ShowsInTurn(), world(), episodes=[2])["length"], found["length"][:, [2]])


@pytest.mark.parametrize("episodes, given", [
    ([3], "3 to 3"), ([-1, 0], "-1 to 0"), ([0.0], r"array\(\[0.\]\)"), ([], r"array\(\[\]"), ([[0]], "array"),
])  # fmt: skip
def test_episodes_that_there_are_not(episodes, given):
    with pytest.raises(UserError, match=f"whole numbers from 0 to 2; given {given}"):
        measures_by_step(ShowsInTurn(), world(), episodes=np.array(episodes))


def test_a_broken_world_is_an_error():
    endless, broken = world(), world()
    endless.step = lambda actions, step=endless.step: (*step(actions)[:2], np.zeros(3, bool))
    with pytest.raises(UserError, match="3 episodes of SessionWorld are not over after its horizon of 20 steps"):
        measures_by_step(ShowsInTurn(), endless)
    broken.step = lambda actions, step=broken.step: (step(actions)[0], np.full(3, np.nan), np.ones(3, bool))
    with pytest.raises(UserError, match="SessionWorld gave a reward that is not a number"):
        measures_by_step(ShowsInTurn(), broken)
