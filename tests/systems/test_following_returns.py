"""Policies that imitate a log by its returns: strictly causal, told what is left of what was asked, and their parts."""
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch

from workbench import experiment
from workbench.errors import UserError
from workbench.evaluate.episodes.rollout import rollout
from workbench.nets.returns.buckets import SoftBuckets
from workbench.nets.returns.state_codes import StateCodes, usage
from workbench.recommenders.sessions.features import n_features
from workbench.recommenders.sessions.following_returns import asked_and_obtained, returns_to_go
from workbench.recommenders.sessions.logs import collect
from workbench.systems.session import dt4ier, tadt_csa
from workbench.train import PROFILES
from workbench.train.fit import TrainingSession

SMALL = replace(PROFILES["smoke"], users=None)
LEARNERS = ("behaviour_cloning", "dt4ier", "tadt_csa")


@lru_cache
def bench():
    return experiment.open_bench("synthetic", profile=SMALL, protocol={"ties": "file"},
                                 options={"users": 500, "items": 40})  # fmt: skip


@lru_cache
def fitted(name, **settings):
    return _fit(name, **settings)


def _fit(name, epochs=10, lr=1e-2, **settings):
    keywords, recipe = bench().plan(name, epochs=epochs, lr=lr, horizon=10, **settings)
    policy = bench().build(name, **keywords)
    policy.fit(bench().split, TrainingSession(recipe, 0, "cpu", None))
    return policy


def inputs(policy, B=3, T=5, seed=0):
    g = torch.Generator().manual_seed(seed)
    F = n_features(policy.worlds.n_categories)
    R = 0 if policy.returns is None else 2
    return [torch.randn(B, T, F, generator=g), torch.randint(1, 41, (B, T), generator=g),
            torch.rand(B, T, R, generator=g)]  # fmt: skip


@pytest.mark.parametrize("name", LEARNERS)
def test_what_comes_later_changes_nothing_before(name):
    """The token of a state sees the states and returns up to its own and the actions before it, and nothing else."""
    policy = bench().build(name)
    module = policy.module.eval()
    before = inputs(policy)
    hidden = module(*before)
    for place, own in ((0, True), (1, False), (2, True)):
        if not before[place].numel():
            continue
        for t in range(5):
            after = [tensor.clone() for tensor in before]
            after[place][:, t] = (after[place][:, t] % 40) + 1 if place == 1 else after[place][:, t] * -0.5 + 0.6
            changed = (module(*after) - hidden).abs().amax(-1) > 1e-6
            first = t if own else t + 1
            assert not changed[:, :first].any(), f"{name} sees ahead: input {place} at {t}"
            if first < 5 and not (name == "tadt_csa" and place == 0):  # a state may keep its code
                assert changed[:, first].all(), f"{name} does not see input {place} of {t}"


@pytest.mark.parametrize("name", ["dt4ier", "tadt_csa"])
def test_it_is_told_what_is_left_of_what_was_asked(name):
    """While it acts, as in the log: the returns it is told are those of its own session, if that goes as asked."""
    policy = bench().build(name)
    rewards = np.zeros((2, 6, 2))
    rewards[0, [0, 3, 4], 0], rewards[0, 5, 1], rewards[1, 1, 0] = 1, 1, 1
    of = policy.returns.of(rewards)
    told = of[:, 0]
    for t in range(5):
        told = policy.returns.after(told, rewards[:, t])
        assert told == pytest.approx(of[:, t + 1])


def test_returns_in_the_log_by_hand():
    log = collect(bench().build("behaviour_cloning").worlds, 0)
    to_go = returns_to_go(log.rewards)
    clicks = [(log.rewards[row, t:, 0]).sum() for row, t in ((0, 0), (7, 2), (9, 5))]
    assert [to_go[0, 0, 0], to_go[7, 2, 0], to_go[9, 5, 0]] == clicks
    assert (log.items > 0).sum(axis=1).tolist() == log.lengths.tolist() and log.rewards[..., 1].sum(axis=1).max() == 1
    assert np.array_equal(log.items, collect(bench().build("dt4ier").worlds, 0).items)
    assert not np.array_equal(log.items, collect(bench().build("dt4ier").worlds, 1).items)


def test_soft_buckets_by_hand():
    buckets = SoftBuckets(7, 4)  # centres -.25, 0, .25 .. 1.25
    weights = buckets.weights(torch.tensor([0.0, 0.5, -9.0]))
    e = np.exp(-(np.array([-1.0, 0, 1, 2, 3, 4, 5]) ** 2))
    assert weights[0].numpy() == pytest.approx(e / e.sum(), abs=1e-6)
    assert weights.sum(-1).tolist() == pytest.approx([1, 1, 1]) and weights[1].argmax() == 3
    assert weights[2].argmax() == 0


def test_weights_sum_to_one_and_a_great_balance_makes_the_weighed_rewards_equal():
    policy = bench().build("dt4ier")
    states = inputs(policy)[0]
    weights = policy.module.weights(states)
    assert weights.sum(-1).tolist() == pytest.approx([1, 1, 1]) and (weights > 0).all()
    rewards = torch.tensor([[0.8, 0.2], [0.3, 0.5]])
    for balance, gaps in ((50.0, [0.0, 0.0]), (0.5, [0.8, 0.0]), (0.0, [0.8, -0.5])):  # .8 > 3 * .2: all to one
        shares = torch.linspace(0, 1, 201)
        losses = [[dt4ier.balance_loss(torch.stack([w, 1 - w])[None], row[None], balance) for w in shares]
                  for row in rewards]  # fmt: skip
        best = shares[torch.tensor(losses).argmin(1)]
        weighed = torch.stack([best, 1 - best], 1) * rewards
        assert (weighed[:, 0] - weighed[:, 1]).tolist() == pytest.approx(gaps, abs=0.05)


def test_equal_returns_are_no_contrast():
    policy = bench().build("dt4ier")
    module = policy.module.eval()
    states, items, told = inputs(policy, B=8)
    rng = np.random.default_rng
    alike = dt4ier.Batch(states, items, told * 0 + 0.5, told)
    assert dt4ier.altered_returns(module, alike, module(states, items, alike.told), rng(0)).item() == 0
    differ = dt4ier.Batch(states, items, told, told)
    assert dt4ier.altered_returns(module, differ, module(states, items, told), rng(0)).item() > 0


def lists(asked, name, **settings):
    rows = asked_and_obtained(fitted(name, **settings), asked, part="test")
    return [{key: round(value, 3) for key, value in row.items()} for row in rows]


ASKED = [(1.0, 0.0), (6.0, 0.0), (6.0, 1.0)]


@pytest.mark.slow
def test_dt4ier_obtains_what_it_is_asked_for():
    few, many, both = lists(ASKED, "dt4ier")
    assert many["clicks"] > few["clicks"] + 0.1, "asking for clicks gives clicks"
    assert both["returns"] > many["returns"] + 0.1, "asking for a return gives returns"
    assert both["return"] > few["return"] + 1


@pytest.mark.slow
def test_dt4ier_told_the_returns_of_others_obtains_the_same_whatever_it_is_asked_for():
    few, _, both = lists(ASKED, "dt4ier", shuffled=True)
    assert abs(both["return"] - few["return"]) < 0.6


@pytest.mark.slow
def test_tadt_csa_obtains_what_it_is_asked_for():
    few, many = lists([(0.5, 0.0), (4.0, 0.0)], "tadt_csa")
    assert many["return"] > few["return"] + 0.4


@pytest.mark.slow
def test_tadt_csa_told_the_returns_of_others_obtains_the_same_whatever_it_is_asked_for():
    few, many = lists([(0.5, 0.0), (4.0, 0.0)], "tadt_csa", shuffled=True)
    assert abs(many["return"] - few["return"]) < 0.4


def test_what_was_asked_is_asked_again_afterwards():
    policy = fitted("dt4ier")
    before, first = policy.module.asked.clone(), rollout(policy, policy.world("test"), quiet=True)
    lists(ASKED[:1], "dt4ier")
    assert torch.equal(policy.module.asked, before) and before[1] == 1
    assert np.array_equal(rollout(policy, policy.world("test"), quiet=True)["clicks"], first["clicks"])


def test_what_is_asked_for_stays_within_what_the_log_has():
    """Clicks at every step or at none: the remainder, divided by gamma each time, would leave any range."""
    policy = fitted("tadt_csa")
    world, most = policy.world("test"), policy.module.scale.numpy()
    for click in (0.0, 1.0):
        seen = world.reset(np.arange(20), seed=0)
        policy.start(seen)
        for _ in range(world.horizon):
            items = policy.act(seen)
            seen = world.step(items)[0]._replace(rewards=np.tile(np.float32([click, 0]), (20, 1)))
        told = np.stack(policy.said, 1) / most
        assert told[..., 0].min() >= 0 and np.abs(told).max() <= 1


def test_temporal_advantage_is_none_of_constant_returns_and_by_hand():
    assert not tadt_csa.temporal_advantage(np.full((3, 7), 2.5)).any()
    rng = np.random.default_rng(0).random((2, 6))
    expected = [[sum(0.9 ** (t - i) * (row[i] - row[i - 1]) for i in range(1, t + 1)) for t in range(6)] for row in rng]
    assert tadt_csa.temporal_advantage(rng) == pytest.approx(np.array(expected))


def test_codes_are_chosen_by_the_signal_too_and_are_used():
    torch.manual_seed(0)
    both, alone = (StateCodes(5, 3, codes=16, width=8, share=share).eval() for share in (0.5, 1.0))
    states, signal = torch.randn(50, 5), torch.randn(50, 3)
    other = torch.randn(50, 3)
    assert torch.equal(alone(states, signal)[1], alone(states, other)[1])
    assert not torch.equal(both(states, signal)[1], both(states, other)[1])
    vectors, numbers, chances = both(states, signal)
    assert torch.allclose(vectors, both.codebook[numbers]) and torch.equal(chances.argmax(-1), numbers)
    vectors.sum().backward()
    assert both.codebook.grad.abs().sum() > 0
    assert usage(torch.full((4, 8), 1 / 8)) == pytest.approx(np.log(8))


def test_the_entropy_of_use_spreads_states_over_more_codes():
    assert used("tadt_csa", epochs=2, spread=0.5) > used("tadt_csa", epochs=2, spread=0.0)


def used(name, **settings):
    """Entropy in nats of the use of codes in the log."""
    policy = fitted(name, **settings)
    log = collect(policy.worlds, 0)
    told = policy.returns.of(log.rewards) / policy.module.scale.numpy()
    arrays = log.states, log.items, told.astype(np.float32)
    with torch.no_grad():
        chances = policy.module.read(*map(torch.from_numpy, arrays))[3]
    return usage(chances[torch.from_numpy(log.items > 0)]).item()


def test_pairs_to_rank_are_alike_so_far_and_of_the_best_and_the_rest():
    numbers = torch.tensor([[1, 2], [1, 2], [1, 2], [3, 2], [1, 4]])
    items = torch.tensor([[5, 6], [5, 7], [8, 6], [5, 6], [5, 6]])
    returns = torch.tensor([[4.0, 2], [3, 1], [2, 0], [9, 9], [1, 8]])
    pairs = tadt_csa.better_pairs(numbers, items, returns)
    assert pairs[0].nonzero().tolist() == [[0, 1], [0, 2], [0, 4]]  # of one code, the best against the others
    assert pairs[1].nonzero().tolist() == [[0, 1]]  # of one code, item and code


@pytest.mark.parametrize("name, settings, message", [
    ("behaviour_cloning", {"width": 33}, "width=33 is a multiple of 2"), ("dt4ier", {"ask": 1.5}, "ask=1.5"),
    ("dt4ier", {"contrast": -1.0}, "contrast=-1.0"), ("dt4ier", {"balance": np.inf}, "balance=inf"),
    ("tadt_csa", {"codes": 5}, "codes=5 more than 5"), ("tadt_csa", {"layers": 0}, "layers=0"),
    ("dt4ier", {"temper": 0}, "patience=0"), ("random_items", {"horizon": 0}, "horizon=0"),
    ("random_items", {"value": np.nan}, "value=nan"),
])  # fmt: skip
def test_a_setting_out_of_range_is_an_error(name, settings, message):
    with pytest.raises(UserError, match=message):
        bench().build(name, **settings)
