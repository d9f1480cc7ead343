"""Adapters side by side: they start as themselves bit for bit, and their mixing is counted and computed by hand."""
import torch
from torch import nn

from workbench.nets.adapters.layer_mixing import LayerMixing, mixing_parameters, side_by_side
from workbench.nets.low_rank import LowRank
from workbench.train import seeded_torch

H = torch.randn(4, 5, 3, 6, generator=torch.Generator().manual_seed(0))


def test_it_starts_without_any_mixing_bit_for_bit():
    mixing = LayerMixing(3, 6)
    assert torch.equal(mixing(H), H) and torch.equal(mixing.weights(H)[0, 0], torch.eye(3))


def test_one_adapter_is_left_alone_for_good():
    mixing = LayerMixing(1, 6)
    assert mixing(H[:, :, :1]) is not None and torch.equal(mixing(H[:, :, :1]), H[:, :, :1])
    assert not list(mixing.parameters()) and mixing_parameters(1, 6, 4) == 0


def test_parameters_are_as_many_as_the_formula_says():
    for n, width, layers in ((2, 8, 3), (3, 6, 1), (5, 32, 2)):
        counted = sum(p.numel() for _ in range(layers) for p in LayerMixing(n, width).parameters())
        assert counted == mixing_parameters(n, width, layers)


def test_a_value_by_hand():
    """z = (2, 1), w_12 = 3, w_21 = -1 of states 5 and 7: 2*5 + 3*7 and 7 - 5."""
    mixing = LayerMixing(2, 1).requires_grad_(False)
    mixing.weigh.bias.copy_(torch.tensor([1.0, 3.0, -1.0, 0.0]))  # beside z = 1
    assert mixing(torch.tensor([[5.0], [7.0]])).flatten().tolist() == [31.0, 2.0]
    mixing.weigh.weight[1, 0] = 1.0  # w_12 rises with the first state: 3 + 5
    assert mixing(torch.tensor([[5.0], [7.0]])).flatten().tolist() == [2 * 5 + 8 * 7, 2.0]


def test_side_by_side_has_the_bits_of_each_adapter_alone():
    with seeded_torch(0, "adapters"):
        layer = LowRank(nn.Linear(6, 8), 3, 2)
        for up in layer.up:
            nn.init.normal_(up)
    found = side_by_side(layer, H)
    for which in range(3):
        layer.active = which
        assert torch.equal(found[:, :, which], layer(H[:, :, which]))
