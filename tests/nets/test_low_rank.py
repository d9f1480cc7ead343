"""Low-rank adapters: nothing before they are trained, W + B A where active, one at a time."""
import pytest
import torch
from torch import nn

from workbench.nets.low_rank import LowRank, adapted, adapter_parameters, add_low_rank, shared_parameters
from workbench.nets.transformer import Block
from workbench.train import seeded_torch


@pytest.fixture
def block():
    with seeded_torch(0, "block"):
        return Block(8, 2, 16, 0.0)


X = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(0))


def trained(module, which):
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name.endswith(f"up.{which}"):
                parameter.normal_(generator=torch.Generator().manual_seed(1))


def test_untrained_adapters_change_no_bit(block):
    before = block(X)
    add_low_rank(block, 2, 3)
    for which in (None, 0, 1):
        with adapted(block, which):
            assert torch.equal(block(X), before)


def test_rank_0_is_no_change():
    layer = LowRank(nn.Linear(4, 6), 1, 0)
    layer.active = 0
    x = torch.randn(2, 4)
    assert torch.equal(layer(x), layer.linear(x))


def test_an_active_one_is_a_change_of_the_weight_and_the_others_are_not_seen(block):
    before = block(X)
    add_low_rank(block, 2, 3)
    trained(block, 1)
    with adapted(block, 0):
        assert torch.equal(block(X), before)
        with adapted(block, 1):
            changed = block(X)
        assert torch.equal(block(X), before), "the one of before is active again"
    assert torch.equal(block(X), before) and not torch.allclose(changed, before, atol=1e-2)
    with torch.no_grad():
        for layer in [each for each in block.modules() if isinstance(each, LowRank)]:
            layer.linear.weight += layer.up[1] @ layer.down[1]
    assert torch.allclose(block(X), changed, atol=1e-5)


def test_after_an_error_none_is_active(block):
    add_low_rank(block, 1, 2)
    with pytest.raises(ValueError), adapted(block, 0):
        raise ValueError
    assert block.expand.active is None


def test_names_of_parameters_and_their_number(block):
    plain = {name for name, _ in block.named_parameters()}
    add_low_rank(block, 2, 3)
    named = dict(block.named_parameters())
    own = [set(adapter_parameters(block, which)) for which in (0, 1)]
    assert own[0].isdisjoint(own[1]) and {*own[0], *own[1], *shared_parameters(block)} == named.keys()
    assert {name.replace(".linear", "") for name in shared_parameters(block)} == plain
    sizes = [(8, 24), (8, 8), (8, 16), (16, 8)]
    assert sum(named[name].numel() for name in own[0]) == 3 * sum(sum(size) for size in sizes)
