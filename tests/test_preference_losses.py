"""Preference losses by hand, on parts of the negatives, and the clusters against all that there could be."""
import math
from itertools import combinations

import numpy as np
import pytest
import torch

from workbench.losses.preference import dmpo, s_dpo, top_cluster


def gaps(n: int = 5, k: int = 6) -> torch.Tensor:
    return torch.randn(n, k, generator=torch.Generator().manual_seed(0))


def test_losses_by_hand():
    one = torch.tensor([[2.0, -1.0]])
    assert dmpo(one).item() == pytest.approx(math.log(1 + math.exp(-0.5)))
    assert s_dpo(one).item() == pytest.approx(math.log(1 + math.exp(-2) + math.exp(1)))


def test_with_one_negative_both_are_dpo():
    single = gaps(k=1)
    dpo = -torch.sigmoid(single).log().mean()
    assert torch.allclose(dmpo(single), dpo) and torch.allclose(s_dpo(single), dpo)


@pytest.mark.parametrize("loss", [dmpo, s_dpo])
def test_negatives_that_are_left_out_do_not_matter(loss):
    every = gaps().requires_grad_()
    kept = torch.zeros_like(every, dtype=torch.bool)
    kept[:, [1, 4]] = True
    value = loss(every, kept)
    assert torch.allclose(value, loss(every[:, [1, 4]]))
    (gradient,) = torch.autograd.grad(value, every)
    assert gradient[kept].all() and not gradient[~kept].any()
    assert torch.allclose(loss(every, torch.ones_like(kept)), loss(every))


@pytest.mark.parametrize("k", [4, 5, 15])
def test_the_top_cluster_is_of_the_best_of_all_partitions(k):
    values = torch.randn(40, k, generator=torch.Generator().manual_seed(k))
    found = top_cluster(values)
    for row, mask in zip(values.double().numpy(), found):
        ordered = np.sort(row)
        costs = {cut: sum(((part - part.mean()) ** 2).sum() for part in np.split(ordered, cut))
                 for cut in combinations(range(1, k), 2)}  # fmt: skip
        highest = k - min(costs, key=costs.get)[1]
        assert mask.sum() == highest and row[mask.numpy()].min() == ordered[-highest]


@pytest.mark.parametrize("values, expected", [
    ([1.0], [True]), ([1.0, 2.0], [False, True]), ([3.0, 2.0, 1.0], [True, False, False]),
    ([7.0, 7.0, 1.0, 2.0, 1.1], [True, True, False, False, False]),
    ([4.0, 4.0, 4.0, 4.0], [True] * 4),
])  # fmt: skip
def test_few_and_equal_values(values, expected):
    assert top_cluster(torch.tensor([values]))[0].tolist() == expected


def test_the_top_cluster_does_not_depend_on_place_or_scale():
    values = torch.randn(20, 12, generator=torch.Generator().manual_seed(3))
    assert torch.equal(top_cluster(values), top_cluster(3 * values + 100))
