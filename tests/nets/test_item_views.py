"""Two views of the items: the mixture stays on the sphere, and its share is random while training alone."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from workbench.nets.item_views import ItemViews, slerp

GENERATOR = torch.Generator().manual_seed(0)
A, B = (F.normalize(torch.randn(20, 5, generator=GENERATOR), dim=1) for _ in range(2))


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_mixtures_have_length_one(p):
    assert torch.allclose(slerp(A, B, p).norm(dim=1), torch.ones(20), atol=1e-5)
    assert torch.allclose(slerp(A, A, p), A, atol=1e-3), "also of equal vectors"


def test_the_ends_are_the_views_themselves():
    assert torch.allclose(slerp(A, B, 1.0), A, atol=1e-6) and torch.allclose(slerp(A, B, 0.0), B, atol=1e-6)


def test_a_third_of_a_right_angle_by_hand():
    found = slerp(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor([[2 / 3]]))
    assert torch.allclose(found, torch.tensor([[3**0.5 / 2, 0.5]]), atol=1e-6), "30 degrees from the first"


@pytest.fixture
def views():
    rng = np.random.default_rng(0)
    first, second = (np.pad(rng.normal(size=(9, f)), ((1, 0), (0, 0))).astype(np.float32) for f in (4, 6))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ItemViews(first, second, 3, 0.5)


def test_three_parts_of_length_one(views):
    weight = views.weight
    assert weight.shape == (10, 9) and not weight[0].any()
    assert torch.allclose(weight[1:].unflatten(1, (3, 3)).norm(dim=2), torch.ones(9, 3), atol=1e-5)


def test_the_mixture_alone_is_random_and_while_training(views):
    plain = views.eval().weight
    assert torch.equal(views.weight, plain)
    one, two = views.train().weight, views.weight
    assert torch.equal(one[:, :6], two[:, :6]) and torch.equal(one[:, :6], plain[:, :6])
    assert not torch.equal(one[:, 6:], two[:, 6:])


def test_the_gradient_is_finite_where_both_projections_agree(views):
    views.second, views.networks[1], views.projections[1] = views.first, views.networks[0], views.projections[0]
    views.weight[:, 6:].sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in views.projections.parameters())
