"""Losses of autoencoders of rows, by hand and against torch's distributions."""
import math

import numpy as np
import pytest
import torch
from torch import distributions

from workbench.losses.multinomial import multinomial_nll
from workbench.losses.mutual_information import jensen_shannon
from workbench.losses.variational import gaussian_kl


def test_the_multinomial_likelihood_by_hand():
    logits = torch.tensor([[50.0, 0.0, math.log(2), math.log(5)], [50.0, 1.0, 1.0, 1.0], [0.0, 9.0, 9.0, 9.0]])
    rows, items = torch.tensor([0, 0, 1]), torch.tensor([1, 3, 2])  # pi of row 0: 1/8, 2/8, 5/8; column 0 is padding
    assert multinomial_nll(logits, rows, items).tolist() == pytest.approx(
        [-math.log(1 / 8) - math.log(5 / 8), math.log(3), 0.0]
    )
    counts = torch.tensor([3.0, 0.5, 2.0])
    assert multinomial_nll(logits, rows, items, counts).tolist() == pytest.approx(
        [-3 * math.log(1 / 8) - 0.5 * math.log(5 / 8), 2 * math.log(3), 0.0]
    )


def test_the_multinomial_likelihood_is_that_of_the_distribution_up_to_its_constant():
    rng = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 7, generator=rng, requires_grad=True)
    x = torch.randint(0, 3, (4, 7), generator=rng).float()
    x[:, 0] = 0
    rows, items = x.nonzero(as_tuple=True)
    constant = torch.lgamma(x.sum(1) + 1) - torch.lgamma(x + 1).sum(1)
    dense = torch.stack(
        [-distributions.Multinomial(int(n.sum()), logits=each[1:]).log_prob(n[1:]) for each, n in zip(logits, x)]
    )
    found = multinomial_nll(logits, rows, items, x[rows, items])
    assert torch.allclose(found, dense + constant, atol=1e-5)
    gradient = torch.autograd.grad(found.sum(), logits)[0]
    expected = x.sum(1, keepdim=True) * logits[:, 1:].softmax(1) - x[:, 1:]
    assert torch.allclose(gradient[:, 1:], expected, atol=1e-5) and not gradient[:, 0].any()


def test_the_divergence_is_that_of_the_distributions():
    rng = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(3, 2, 5, generator=rng), torch.randn(3, 2, 5, generator=rng)
    prior = distributions.Normal(0.0, 1.0)
    expected = distributions.kl_divergence(distributions.Normal(mean, (log_variance / 2).exp()), prior).sum(-1)
    assert torch.allclose(gaussian_kl(mean, log_variance), expected, atol=1e-5)
    assert gaussian_kl(torch.zeros(4), torch.zeros(4)).item() == 0


def test_the_bound_of_mutual_information_by_hand():
    a, b = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]]), torch.tensor([[[3.0, 0.0], [1.0, 1.0]]])
    softplus = lambda x: np.log1p(np.exp(x))  # noqa: E731
    # products of a_0 with b_0, b_1: 3, 1; of a_1: 0, 2
    expected = (softplus(-3) + softplus(1) + softplus(-2) + softplus(0)) / 2
    assert jensen_shannon(a, b).item() == pytest.approx(expected, rel=1e-5)


def test_the_bound_of_mutual_information_has_the_mean_of_several_negatives():
    a, b = torch.zeros(2, 4, 3), torch.ones(2, 4, 3)
    assert jensen_shannon(a, b).item() == pytest.approx(2 * math.log(2))
    agree = torch.eye(3).expand(5, 3, 3)
    assert jensen_shannon(9 * agree, agree) < jensen_shannon(agree, agree) < jensen_shannon(-agree, agree)
