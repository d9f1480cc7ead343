"""Bot play: no critique changes nothing, the blend by hand, turns without, with untrained and with trained blend."""
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_policies import fitted, measured, small_bench

from workbench.errors import UserError
from workbench.nets.conversation.critique_blend import CritiqueBlend
from workbench.recommenders.conversation.asking import best_items
from workbench.train.fit import TrainingSession


def toy():
    items = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)
    return CritiqueBlend(items, np.array([[2, 0], [0, 4]], np.float32))


def test_the_blend_by_hand():
    blend = toy()
    with torch.no_grad():
        blend.keep.fill_(0.5)
        blend.weight.copy_(torch.tensor([[1.0, 1.0], [0.0, 1.0]]))
        z = torch.tensor([[4.0, 2.0], [4.0, 2.0], [4.0, 2.0]])
        said = torch.tensor([[True, False], [True, True], [False, False]])
        moved = blend(z, said)
    assert moved.tolist() == [[0.0, 1.0], [-1.0, -1.0], [4.0, 2.0]], "keep z - W mean; nothing said, nothing moved"
    assert blend.added(moved)[0].tolist() == [0, 0, 1, 1]


def test_an_empty_critique_changes_nothing():
    blend = toy()
    with torch.no_grad():
        blend.keep.fill_(0.3)
        z = blend(blend.start(2), torch.zeros(2, 2, dtype=torch.bool))
        assert not z.any() and not blend.added(z).any()
    policy, world = fitted("bot_play"), fitted("bot_play").world("test")
    seen = world.reset(np.arange(60), seed=0)
    policy.start(seen)
    assert np.array_equal(policy.act(seen)[:, 1:], best_items(seen, world.k)), "the scorer's order, bit for bit"
    silent, *_ = world.step(policy.act(seen))
    silent = silent._replace(critique=np.zeros_like(silent.critique))
    assert np.array_equal(policy.act(silent)[:, 1:], best_items(silent, world.k))


def test_what_was_criticised_goes_down():
    policy, world = fitted("bot_play"), fitted("bot_play").world("test")
    seen = world.reset(np.arange(60), seed=0)
    policy.start(seen)
    has = policy.worlds.attributes.matrix.toarray().astype(bool)
    for _ in range(2):
        seen, *_ = world.step(policy.act(seen))
    with torch.no_grad():
        added = policy.blend.added(policy.blend(policy.z, torch.from_numpy(seen.critique))).numpy()
    spoiled = (has @ seen.critique.T.astype(int)).T > 0
    rows = np.flatnonzero(spoiled.any(axis=1))
    assert len(rows) > 20
    apart = [added[row, spoiled[row]].mean() < added[row, ~spoiled[row]].mean() for row in rows]
    assert np.mean(apart) > 0.95


@pytest.mark.slow
def test_turns_fall_with_critiques_and_further_with_play():
    without, untrained = measured("always_recommend"), measured("bot_play", learnt=False)
    trained, placebo = measured("bot_play"), measured("bot_play", critique="random")
    assert untrained["turns"].mean() < without["turns"].mean() - 1.5
    assert trained["turns"].mean() < untrained["turns"].mean() - 0.4
    assert placebo["turns"].mean() > untrained["turns"].mean() + 1


def test_play_raises_the_target():
    """The cross-entropy of the target falls, and an untrained policy has no module and no curve."""
    policy = fitted("bot_play", learnt=False)
    assert policy.module is None
    world, episodes = policy.world("train"), np.arange(80)
    with torch.no_grad():
        before, after = (float(each.play(world, episodes, seed=5)) for each in (policy, fitted("bot_play")))
    assert after < before - 0.05


def test_a_resumed_training_is_the_same_bit_for_bit(tmp_path, monkeypatch):
    bench, calls = small_bench(), []
    settings, recipe = bench.plan("bot_play", epochs=3)

    def train(folder=None):
        policy = bench.build("bot_play", **settings)
        if folder is not None and not calls:
            play = policy.play

            def interrupted(*args, **keywords):
                calls.append(1)
                if len(calls) == 7:
                    signal.raise_signal(signal.SIGINT)
                return play(*args, **keywords)

            monkeypatch.setattr(policy, "play", interrupted)
        session = TrainingSession(replace(recipe, batch_size=32), bench.seed, "cpu", None, folder)
        return policy.fit(bench.split, session), policy.state()

    curve, state = train()
    with pytest.raises(KeyboardInterrupt, match="resumes"):
        train(tmp_path)
    again, resumed = train(tmp_path)
    assert [row["loss"] for row in again] == [row["loss"] for row in curve]
    assert all(np.array_equal(state[name], resumed[name]) for name in state)


@pytest.mark.parametrize("changes, message", [
    ({"critique": "lackin"}, "did you mean 'lacking'"), ({"aspects": -1}, "aspects=-1"), ({"width": 0}, "width=0")])
def test_bad_settings(changes, message):
    with pytest.raises(UserError, match=message):
        small_bench().build("bot_play", **changes)
