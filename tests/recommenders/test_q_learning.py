"""Learning values from episodes: targets by hand, a memory that is a ring and draws by error, exploration, resuming."""
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import experiment
from workbench.losses.temporal_difference import double_q_targets, temporal_difference
from workbench.nets.conversation.outcome_values import OutcomeValues, digits
from workbench.recommenders.conversation import q_learning
from workbench.recommenders.conversation.q_learning import Learner, Learning
from workbench.recommenders.conversation.replay import Replay, Transitions
from workbench.train import PROFILES
from workbench.train.fit import TrainingSession

NEVER = -torch.inf


def test_targets_by_hand():
    online = torch.tensor([[0.0, 3.0], [5.0, NEVER], [1.0, 2.0]])
    target = torch.tensor([[7.0, 1.0], [2.0, NEVER], [9.0, 9.0]])
    found = double_q_targets(torch.tensor([1.0, 0.0, -1.0]), torch.tensor([False, False, True]), online, target, 0.5)
    assert found.tolist() == [1.5, 1.0, -1.0], "the online network chooses, the target says what that is worth"
    loss = temporal_difference(torch.tensor([1.0, 5.0]), torch.tensor([0.5, 2.0]), torch.tensor([1.0, 0.5]))
    assert loss.item() == pytest.approx((0.125 + 0.5 * 2.5) / 2)


def transitions(*numbers):
    n = torch.tensor(numbers)
    return Transitions({"x": n.float()[:, None]}, n, n.float(), n > 3, {"x": n.float()[:, None] + 1})


def test_the_memory_keeps_the_newest():
    memory = Replay({"x": torch.zeros(1, 1)}, 4)
    memory.write(transitions(1, 2, 3))
    memory.write(transitions(4, 5))
    kept = memory.take(torch.arange(4))
    assert sorted(kept.action.tolist()) == [2, 3, 4, 5] and torch.equal(kept.before["x"][:, 0], kept.reward)
    assert torch.equal(kept.after["x"], kept.before["x"] + 1) and torch.equal(kept.over, kept.action > 3)
    memory.write(transitions(*range(10, 20)))
    assert sorted(memory.take(torch.arange(4)).action.tolist()) == [16, 17, 18, 19]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.01, 5), min_size=2, max_size=6), st.sampled_from([0.0, 0.6, 1.0]))
def test_rows_are_drawn_in_proportion_to_their_errors(errors, alpha):
    memory = Replay({"x": torch.zeros(1, 1)}, 8)
    memory.write(transitions(*range(len(errors))))
    memory.set_priority(torch.arange(len(errors)), torch.tensor(errors))
    rows, weights = memory.draw((np.arange(4000) + 0.5) / 4000, alpha=alpha, beta=0.4)
    mass = (np.array(errors) + 1e-3) ** alpha
    share = np.bincount(rows, minlength=len(errors)) / 4000
    np.testing.assert_allclose(share, mass / mass.sum(), atol=1e-3)
    expected = (len(errors) * mass / mass.sum()) ** -0.4
    np.testing.assert_allclose(weights, (expected / expected[rows].max())[rows], rtol=1e-3)
    if alpha == 0:
        assert (weights == 1).all()


def test_a_new_transition_is_drawn_before_an_old_one_without_error():
    memory = Replay({"x": torch.zeros(1, 1)}, 8)
    memory.write(transitions(0, 1, 2))
    memory.set_priority(torch.arange(3), torch.zeros(3))
    memory.write(transitions(7))
    rows, _ = memory.draw(np.random.default_rng(0).random(200), alpha=1.0, beta=0.0)
    assert (memory.take(rows).action == 7).float().mean() > 0.95


def test_exploration_falls_over_epochs_and_not_within_a_step():
    how = Learning(first=0.9, last=0.1, fall=0.25)
    chances = [how.exploration(epoch, 40) for epoch in range(40)]
    assert chances[0] == 0.9 and all(np.diff(chances) < 0)
    assert chances[1] > 0.8, "one epoch later it still explores"
    assert chances[10] == pytest.approx(0.1 + 0.8 / np.e) and 0.1 < chances[-1] < 0.13
    assert how.exploration(5, 20) == pytest.approx(how.exploration(10, 40)), "a share of the epochs"


def test_the_target_is_a_copy_that_waits():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = OutcomeValues(3, 5, width=8)
    state = {"outcomes": torch.tensor([[1, 0, 0], [2, 4, 0]]), "count": torch.tensor([9, 3]),
             "may_ask": torch.tensor([True, False])}  # fmt: skip
    learner = Learner(network, state, Learning(capacity=8))
    before = network(state).detach()
    assert torch.equal(learner.by_target(state), before) and before[1, 1] == NEVER and before[0].isfinite().all()
    with torch.no_grad():
        network.layers[0].weight.mul_(2)
    assert torch.equal(learner.by_target(state), before) and not torch.equal(network(state), before)
    learner.copy()
    assert torch.equal(learner.by_target(state), network(state))
    assert {name for name, _ in learner.named_parameters()} == {f"network.{name}" for name, _ in
                                                               network.named_parameters()}  # fmt: skip


def test_digits():
    numbers = torch.tensor([0, 1, 6, 40_000])
    assert (digits(numbers) @ (2.0 ** torch.arange(16))).tolist() == numbers.tolist()


@pytest.fixture(scope="module")
def bench():
    tiny = replace(PROFILES["smoke"], epochs=3, users=None)
    return experiment.open_bench("synthetic", profile=tiny, options={"users": 120, "items": 100})


def trained(bench, folder=None):
    built, recipe = bench.plan("scpr", epochs=3)
    policy = bench.build("scpr", **built)
    policy.how = replace(policy.how, steps=8, episodes=32, alpha=0.6, beta=0.4)
    session = TrainingSession(replace(recipe, batch_size=32), bench.seed, "cpu", lambda _: {"return": 0.0}, folder)
    return policy, policy.fit(bench.split, session)


@pytest.mark.parametrize("stop", [0, 10, 15])
def test_a_resumed_training_is_the_same_bit_for_bit(bench, tmp_path, monkeypatch, stop):
    """Stopped in the first epoch, within the second, and after its last step: the memory, its priorities and the copy
    that plays come from the checkpoint."""
    whole, curve = trained(bench)
    calls, original = [], q_learning.temporal_difference

    def interrupted(*args):
        calls.append(1)
        if len(calls) == stop + 1:
            signal.raise_signal(signal.SIGINT)
        return original(*args)

    monkeypatch.setattr(q_learning, "temporal_difference", interrupted)
    with pytest.raises(KeyboardInterrupt, match="resumes"):
        trained(bench, tmp_path)
    assert len(calls) == stop + 1
    resumed, again = trained(bench, tmp_path)
    assert [row["loss"] for row in again] == [row["loss"] for row in curve] and len(calls) == 24
    state = whole.state()
    assert all(np.array_equal(state[name], array) for name, array in resumed.state().items())
