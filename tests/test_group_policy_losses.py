"""Advantages, the KL estimate and the policy loss, against enumeration and values worked out by hand."""
from itertools import combinations

import pytest
import torch

from workbench.losses.group_policy import k3, leave_one_out, pass_at_k, policy_loss, standardised


def hits(n: int, c: int) -> torch.Tensor:
    return (torch.arange(n) < c)[None]


def test_advantages_of_a_group_by_hand():
    rewards = torch.tensor([[1.0, 0.0, 0.0, 0.0]])  # mean 1/4, variance 3/16
    std = (3 / 16) ** 0.5
    expected = torch.tensor([[0.75, -0.25, -0.25, -0.25]]) / (std + 1e-4)
    assert torch.allclose(standardised(rewards), expected)
    others = torch.tensor([[3.0, 1.0, 2.0]])
    assert torch.allclose(leave_one_out(others), torch.tensor([[3 - 1.5, 1 - 2.5, 2 - 2.0]]))


def test_a_group_of_equal_rewards_has_no_advantage_at_all():
    """The mean of ten equal numbers is not that number to the last bit."""
    for value in (0.1, 0.707, 0.866, 1.0):
        assert not standardised(torch.full((2, 10), value)).any()


@pytest.mark.parametrize("n, c, k", [(6, 2, 3), (10, 1, 4), (7, 3, 1), (5, 1, 2), (16, 1, 4)])
def test_pass_at_k_is_the_expectation_over_all_draws_of_k(n, c, k):
    """A draw is rewarded if it holds a hit; the advantage of a rollout is the mean over the draws that hold it."""
    draws = [set(draw) for draw in combinations(range(n), k)]
    rewards = [float(min(draw) < c) for draw in draws]
    rho = sum(rewards) / len(draws)
    own = [[r for draw, r in zip(draws, rewards) if i in draw] for i in range(n)]
    expected = torch.tensor([(sum(each) / len(each) - rho) / (rho * (1 - rho)) ** 0.5 for each in own])
    assert torch.allclose(pass_at_k(hits(n, c), k)[0], expected, atol=1e-5)


@pytest.mark.parametrize("k", [1, 2, 4, 8])
def test_pass_at_k_sums_to_zero_in_every_group(k):
    groups = torch.cat([hits(16, c) for c in range(17)])
    assert pass_at_k(groups, k).sum(1).abs().max() < 1e-4
    assert not pass_at_k(groups[[0, 16]], k).any() and pass_at_k(groups[[1]], k).all()


def test_pass_at_1_is_the_standardised_binary_reward():
    groups = torch.cat([hits(10, c) for c in range(1, 10)])
    assert torch.allclose(pass_at_k(groups, 1), standardised(groups.float(), epsilon=0.0), atol=1e-5)


def test_k3_is_an_estimate_of_the_divergence_and_never_negative():
    generator = torch.Generator().manual_seed(0)
    p, q = torch.randn(2, 50, generator=generator).log_softmax(1)
    assert (k3(p, q) >= 0).all() and not k3(p, p).any()
    assert (p.exp() * k3(p, q)).sum().item() == pytest.approx((p.exp() * (p - q)).sum().item(), rel=1e-4)


def test_the_gradient_of_the_policy_loss_is_that_of_the_ratio():
    generator = torch.Generator().manual_seed(0)
    log_probs, reference = (torch.randn(3, 4, 2, generator=generator) for _ in range(2))
    advantages, kl = torch.randn(3, 4, generator=generator), 0.3
    log_probs.requires_grad_()
    ratio = (log_probs - log_probs.detach()).exp()
    by_ratio = -(ratio * advantages[..., None]).mean() + kl * k3(log_probs, reference).mean()
    (expected,) = torch.autograd.grad(by_ratio, log_probs)
    (gradient,) = torch.autograd.grad(policy_loss(log_probs, reference, advantages, kl=kl), log_probs)
    assert torch.allclose(gradient, expected, atol=1e-6)
    assert policy_loss(reference, reference, advantages, kl=kl).item() == 0
