"""A low-rank change of its own for each sample: one product for the batch equals a loop, and its special cases."""
import torch
from torch import nn

from workbench.nets.adapters.mixed_low_rank import Gate, MixedLowRank
from workbench.nets.low_rank import LowRank
from workbench.train import seeded_torch

B, K, RANK = 5, 3, 2
X = torch.randn(B, 4, 6, generator=torch.Generator().manual_seed(0))
MIXTURE = torch.rand(B, K, generator=torch.Generator().manual_seed(1)).softmax(1)


def layer(n: int = K, rank: int = RANK, *, trained: bool = True) -> MixedLowRank:
    with seeded_torch(0, "mixed"):
        found = MixedLowRank(nn.Linear(6, 7), n, rank)
        if trained:
            nn.init.normal_(found.up)
    return found.requires_grad_(False)


def test_it_starts_as_the_linear_layer_bit_for_bit():
    found = layer(trained=False)
    assert torch.equal(found(X, MIXTURE), found.linear(X)) and torch.equal(found(X), found.linear(X))
    assert not torch.equal(layer()(X, MIXTURE), found.linear(X))


def test_a_batch_equals_a_loop_over_its_samples():
    found = layer()
    for x in (X, X[:, 0], X[:, None]):  # any number of dimensions between
        loop = []
        for sample, weights in zip(x, MIXTURE):
            up = sum(weight * each for weight, each in zip(weights, found.up))
            down = sum(weight * each for weight, each in zip(weights, found.down))
            loop.append(sample @ (found.linear.weight + up @ down).T + found.linear.bias)
        torch.testing.assert_close(found(x, MIXTURE), torch.stack(loop), atol=1e-6, rtol=1e-5)


def test_equal_parts_are_one_adapter_of_the_mean_factors():
    found, one = layer(), layer(1)
    one.up.copy_(found.up.mean(0, keepdim=True))
    one.down.copy_(found.down.mean(0, keepdim=True))
    equal = torch.full((B, K), 1 / K)
    torch.testing.assert_close(found(X, equal), one(X, torch.ones(B, 1)), atol=1e-6, rtol=1e-5)


def test_one_adapter_is_ordinary_lora():
    found = layer(1)
    ordinary = LowRank(found.linear, 1, RANK).requires_grad_(False)
    ordinary.active = 0
    ordinary.down[0].copy_(found.down[0])
    ordinary.up[0].copy_(found.up[0])
    torch.testing.assert_close(found(X, torch.ones(B, 1)), ordinary(X), atol=1e-6, rtol=1e-5)


def test_a_value_by_hand():
    """(sum_k a_k B_k)(sum_k a_k A_k) = (.5*2 + .5*4)(.5*1 + .5*3) = 6; the mean of B_k A_k would be 7."""
    found = MixedLowRank(nn.Linear(1, 1, bias=False), 2, 1).requires_grad_(False)
    found.linear.weight.fill_(1.0)
    found.down.copy_(torch.tensor([[[1.0]], [[3.0]]]))
    found.up.copy_(torch.tensor([[[2.0]], [[4.0]]]))
    assert found(torch.ones(1, 1), torch.tensor([[0.5, 0.5]])).item() == 1 + 6


def test_a_gate_gives_parts_of_one():
    with seeded_torch(0, "gate"):
        gate = Gate(6, 8, K)
    parts = gate(X[:, 0])
    assert (parts > 0).all() and torch.allclose(parts.sum(1), torch.ones(B)) and parts.std(0).min() > 0
