"""The world of screens: what is shown, what a suggestion earns, and measures of sets, by hand."""
import numpy as np
import pytest

from workbench.envs.screens import ScreenWorld
from workbench.errors import UserError

SCREENS = np.array([[1, 2, 3], [4, 5, 0], [6, 0, 0]])
WANTED = np.array([[0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]], bool)


def play(*actions):
    world = ScreenWorld(SCREENS, WANTED)
    seen, rewards = [world.reset(np.arange(3), seed=0)], []
    for action in actions:
        observation, reward, over = world.step(np.array(action))
        seen.append(observation)
        rewards.append(reward.tolist())
    return world, seen, rewards, over


def test_what_is_suggested_is_compared_with_what_is_wanted():
    world, seen, rewards, over = play([1, 3, 0], [1, 2, 3], [3, 1, 1])
    assert [each.screen.tolist() for each in seen] == [[1, 4, 6], [2, 5, 0], [3, 0, 0], [0, 0, 0]]
    assert rewards == [[1, -1, 0], [0, 1, 0], [-1, 0, 0]] and over.all(), "nothing counts after the end, or twice"
    found = {name: values.tolist() for name, values in world.measure().items()}
    assert found["f1"] == [2 * 1 / 4, 2 * 1 / 3, 1.0] and found["precision"] == [0.5, 0.5, 1.0]
    assert found["recall"] == [0.5, 1.0, 1.0] and found["false_suggestions"] == [1, 1, 0]


def test_any_suggestion_on_noise_is_false():
    world, _, _, _ = play([0, 0, 2], [0, 0, 0], [0, 0, 0])
    found = {name: values.tolist() for name, values in world.measure().items()}
    assert found["f1"] == [0, 0, 0] and found["false_suggestions"] == [0, 0, 1] and found["precision"] == [1, 1, 0]


def test_actions_and_sizes_are_checked():
    with pytest.raises(UserError, match="intents from 1 to 3 or 0"):
        play([0, 0, 4])
    with pytest.raises(UserError, match="screens of 3 trajectories, intents of 2"):
        ScreenWorld(SCREENS, WANTED[:2])
