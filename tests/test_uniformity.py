"""Alignment and uniformity by hand, and the calibrated form, which is the plain one where all are alike."""
import math

import pytest
import torch
import torch.nn.functional as F

from workbench.losses.uniformity import alignment, calibrated_uniformity, uniformity

X = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))


def test_by_hand():
    """Three directions of the plane at 0, 90 and 180 degrees: squared distances 2, 2 and 4."""
    x = torch.tensor([[2.0, 0.0], [0.0, 0.5], [-1.0, 0.0]])
    assert uniformity(x).item() == pytest.approx(math.log((2 * math.exp(-4) + math.exp(-8)) / 3))
    s = torch.tensor([[1.0, 0.5, 0.0], [0.5, 1.0, 1.0], [0.0, 1.0, 1.0]])
    weights = [math.exp(-4 + 2), math.exp(-4), math.exp(-8 + 4)]  # times e^(4 (1 - s)), of which s is .5, 1 and 0
    assert calibrated_uniformity(x, s).item() == pytest.approx(math.log(sum(weights) / 3))
    assert alignment(x, x.roll(1, 0)).item() == pytest.approx((4 + 2 + 2) / 3)


def test_it_is_the_published_loss_of_pairs():
    distances = torch.pdist(F.normalize(X, dim=1)).square()
    assert torch.allclose(uniformity(X), distances.mul(-2).exp().mean().log(), atol=1e-6)
    s = (F.normalize(X, dim=1) @ F.normalize(X, dim=1).T).clamp(0, 0.8)
    pairs = s[tuple(torch.triu_indices(7, 7, 1))]
    published = (distances - 2 + 2 * pairs).mul(-2).exp().mean().log()
    assert torch.allclose(calibrated_uniformity(X, s), published, atol=1e-6)


def test_where_all_are_alike_it_is_plain_uniformity_to_the_bit():
    for x in (X, X * 5, torch.cat([X, X])):
        assert torch.equal(calibrated_uniformity(x, torch.ones(len(x), len(x))), uniformity(x))


def test_pairs_that_are_alike_repel_less():
    x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 1.0]], requires_grad=True)
    pulls = []
    for alike in (0.0, 0.9):
        s = torch.tensor([[1.0, alike, 0.0], [alike, 1.0, 0.0], [0.0, 0.0, 1.0]])
        (gradient,) = torch.autograd.grad(calibrated_uniformity(x, s), x)
        pulls.append(gradient[0].norm().item())
    assert pulls[1] < pulls[0] / 2


def test_a_row_alone_has_no_pair():
    one = torch.ones(1, 3, requires_grad=True)
    assert uniformity(one).item() == 0 and torch.isfinite(torch.autograd.grad(uniformity(one), one)[0]).all()
