"""Contrast in one direction: against the plain softmax, its gradients, and both directions together."""
import pytest
import torch
import torch.nn.functional as F

from workbench.losses.contrast import info_nce
from workbench.recommenders.graphs.one_way_contrast import ROWS, one_way_info_nce


@pytest.fixture(params=[5, ROWS, 2 * ROWS + 3])
def views(request):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(request.param, 4, generator=generator, requires_grad=True) for _ in range(2)]


def test_value_and_gradients_are_those_of_the_plain_softmax(views):
    a, b = views
    plain = F.cross_entropy(F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / 0.2, torch.arange(len(a)))
    found = one_way_info_nce(a, b, 0.2)
    assert torch.allclose(found, plain, rtol=1e-5)
    for ours, theirs in zip(torch.autograd.grad(3 * found, views), torch.autograd.grad(3 * plain, views)):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_both_directions_are_the_symmetric_contrast(views):
    a, b = views
    assert not torch.allclose(one_way_info_nce(a, b, 0.2), one_way_info_nce(b, a, 0.2), rtol=1e-4)
    both = (one_way_info_nce(a, b, 0.2) + one_way_info_nce(b, a, 0.2)) / 2
    assert torch.allclose(both, info_nce(a, b, 0.2), rtol=1e-5)


def test_a_view_with_itself_has_the_gradient_of_both_of_its_places(views):
    a = views[0]
    plain = F.cross_entropy(F.normalize(a, dim=1) @ F.normalize(a, dim=1).T / 0.2, torch.arange(len(a)))
    ours, theirs = (torch.autograd.grad(loss, a)[0] for loss in (one_way_info_nce(a, a, 0.2), plain))
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_a_sharp_temperature_stays_finite():
    a = torch.eye(3).requires_grad_()
    loss = one_way_info_nce(a, -a, 1e-3)
    loss.backward()
    assert loss.isfinite() and a.grad.isfinite().all()
