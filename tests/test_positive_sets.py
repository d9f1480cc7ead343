"""Contrast with sets of positives: by hand, against the contrast with one, and which positives are drawn near."""
import pytest
import torch

from workbench.losses.contrast import info_nce
from workbench.losses.positive_sets import info_nce_of_sets


def test_two_positives_of_three_by_hand():
    anchors, candidates = torch.tensor([[2.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 3.0], [-1.0, 0.0]])
    e = torch.tensor([1.0, 0.0, -1.0]).div(0.5).exp()  # cosines are 1, 0 and -1
    expected = -torch.log((e[0] + e[2]) / e.sum())
    found = info_nce_of_sets(anchors, candidates, torch.tensor([[2, 0]]), 0.5)
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


def test_one_positive_is_plain_contrast():
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(5, 4, generator=generator) for _ in range(2))
    own = torch.arange(5)[:, None]
    sides = (info_nce_of_sets(a, b, own, 0.2) + info_nce_of_sets(b, a, own, 0.2)) / 2
    assert torch.allclose(sides, info_nce(a, b, 0.2), atol=1e-6)


def test_all_as_positives_cost_nothing_and_one_near_is_enough():
    a = torch.tensor([[1.0, 0.0]])
    b = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]], requires_grad=True)
    assert info_nce_of_sets(a, b, torch.tensor([[0, 1, 2]]), 0.1).item() == pytest.approx(0, abs=1e-6)
    assert info_nce_of_sets(a, b, torch.tensor([[0, 1]]), 0.1).item() < 1e-3, "the far positive does not count"


def test_candidates_of_nobody_are_external_negatives():
    anchors, own = torch.eye(2), torch.tensor([[0], [1]])
    more = torch.cat([anchors, torch.tensor([[-1.0, 0.0]])])  # cosines -1 and 0 with the anchors
    e = torch.tensor([1.0, 0.0, -1.0]).exp()
    expected = -(torch.log(e[0] / (e[0] + e[1] + e[2])) + torch.log(e[0] / (e[0] + e[1] + e[1]))) / 2
    assert info_nce_of_sets(anchors, more, own, 1.0).item() == pytest.approx(expected.item(), rel=1e-5)
