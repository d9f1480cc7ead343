"""Residual quantisation with four assignments: values by hand, gradients, limits, and balance."""
import pytest
import torch

from workbench.errors import UserError
from workbench.tokens.residual_quantiser import ASSIGNMENTS, quantise, sinkhorn_plan, squared_distances

TABLES = torch.tensor([[[0.0, 0.0], [4.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]]])  # 2 levels of 2 codes in 2 dimensions


def case(n=50, levels=3, size=8, width=4, seed=0):
    """Random rows and tables that want gradients, and a random direction."""
    generator = torch.Generator().manual_seed(seed)
    rows, tables = (torch.randn(*shape, generator=generator) for shape in ((n, width), (levels, size, width)))
    return rows.requires_grad_(), tables.requires_grad_(), torch.randn(n, width, generator=generator)


def gradients(rows, tables, value):
    return torch.autograd.grad(value, (rows, tables), allow_unused=True)


def test_hard_codes_of_two_levels_by_hand():
    rows = torch.tensor([[5.0, 0.25], [0.5, 1.0]])
    found = quantise(rows, TABLES)
    assert found.codes.tolist() == [[1, 1], [0, 0]]  # (5, .25) - (4, 0) = (1, .25), then - (1, 0)
    assert found.quantised.tolist() == [[5.0, 0.0], [0.0, 1.0]]
    assert found.residuals.tolist() == [[[5.0, 0.25], [1.0, 0.25]], [[0.5, 1.0], [0.5, 1.0]]]
    assert found.weights.tolist() == [[[0, 1], [0, 1]], [[1, 0], [1, 0]]]


def test_soft_weights_by_hand():
    """Squared distances 1 and 9 at tau 8: weights 1 / (1 + 1/e) and the rest, and what they leave goes on."""
    found = quantise(torch.tensor([[1.0, 0.0]]), TABLES, assign="soft", tau=8.0)
    near = 1 / (1 + torch.e**-1)
    assert found.weights[0, 0].tolist() == pytest.approx([near, 1 - near])
    left = 1 - 4 * (1 - near)  # of the first dimension
    assert found.residuals[0, 1].tolist() == pytest.approx([left, 0.0])
    first = 1 / (1 + torch.e ** ((left**2 + 1 - (left - 1) ** 2) / 8))
    assert found.weights[0, 1].tolist() == pytest.approx([first, 1 - first])
    assert found.quantised[0].tolist() == pytest.approx([4 * (1 - near) + 1 - first, first])


def test_soft_becomes_hard_as_its_temperature_falls():
    rows, tables, _ = case()
    hard = quantise(rows, tables)
    error = [float((quantise(rows, tables, assign="soft", tau=tau).quantised - hard.quantised).detach().abs().max())
             for tau in (1.0, 0.1, 1e-5)]
    assert error[2] < 1e-5 < 0.1 < error[0], error
    assert torch.equal(quantise(rows, tables, assign="soft", tau=1e-5).codes, hard.codes)


def test_gumbel_without_noise_is_the_straight_through_estimator_exactly():
    rows, tables, direction = case(levels=1)
    hard, soft = quantise(rows, tables), quantise(rows, tables, assign="soft", tau=2.0)
    still = quantise(rows, tables, assign="gumbel", noise=0.0, tau=2.0)
    assert torch.equal(still.codes, hard.codes) and torch.equal(still.weights, hard.weights)
    assert torch.equal(still.codewords, hard.codewords)
    weight = direction @ torch.randn(4, 8, generator=torch.Generator().manual_seed(1))
    wanted, given = (gradients(rows, tables, (each.weights[:, 0] * weight).sum()) for each in (soft, still))
    assert torch.equal(given[0], wanted[0]) and torch.equal(given[1], wanted[1])


def test_gumbel_noise_samples_the_softmax():
    row, table = torch.zeros(1, 2), torch.tensor([[[0.0, 1.0], [0.0, 1.5], [0.5, 0.0]]])
    generator = torch.Generator().manual_seed(0)
    found = quantise(row.expand(20_000, 2), table, assign="gumbel", noise=1.0, generator=generator)
    share = torch.bincount(found.codes[:, 0], minlength=3) / 20_000
    wanted = torch.softmax(-squared_distances(row, table[0])[0], 0)  # the near ones: distances are not logits
    assert torch.allclose(share, wanted, atol=0.015) and share.argmax() == 2
    assert torch.equal(found.weights.sum(2).round(decimals=5), torch.ones(20_000, 1))


def test_who_gets_the_gradient():
    rows, tables, direction = case()
    for assign in ("hard", "sinkhorn"):
        found = quantise(rows, tables, assign=assign)
        to_rows, to_tables = gradients(rows, tables, (found.quantised * direction).sum())
        assert torch.equal(to_rows, direction) and to_tables is None, "straight through"
        found = quantise(rows, tables, assign=assign)
        to_rows, to_tables = gradients(rows, tables, (found.codewords - found.residuals.detach()).square().sum())
        assert to_rows is None and all(each.abs().sum() > 0 for each in to_tables), "each level's codewords learn"
        (to_rows,) = torch.autograd.grad((found.residuals[:, 2] * direction).sum(), rows)
        assert torch.equal(to_rows, direction), "commitment at the last level reaches the rows"
    for assign in ("soft", "gumbel"):
        found = quantise(rows, tables, assign=assign, noise=0.5, generator=torch.Generator().manual_seed(0))
        to_rows, to_tables = gradients(rows, tables, (found.quantised * direction).sum())
        assert to_rows.abs().sum() > 0 and all(each.abs().sum() > 0 for each in to_tables)


def test_a_transport_plan_has_uniform_marginals_and_prefers_the_near():
    rows, tables, _ = case(n=64, levels=1)
    far = squared_distances(rows, tables[0]).detach()
    plan = sinkhorn_plan(far, epsilon=0.05, iterations=200)
    assert torch.allclose(plan.sum(1), torch.full((64,), 1 / 64, dtype=torch.double), atol=1e-12)
    assert torch.allclose(plan.sum(0), torch.full((8,), 1 / 8, dtype=torch.double), atol=1e-3)
    assert (plan * far).sum() < far.mean(), "cheaper than the plan that ignores distances"


def test_sinkhorn_spreads_rows_that_crowd_on_one_code():
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(256, 2, generator=generator) * 0.1
    table = torch.cat([torch.zeros(1, 2), torch.randn(7, 2, generator=generator) + 3])[None]
    hard, even = (quantise(rows, table, assign=assign, epsilon=0.02).codes[:, 0] for assign in ("hard", "sinkhorn"))
    assert torch.bincount(hard, minlength=8).max() == 256
    load = torch.bincount(even, minlength=8)
    assert load.min() >= 4 and load.max() <= 96, load  # the plan is even, its largest entries nearly


@pytest.mark.parametrize("settings", [{"assign": "sotf"}, {"tau": 0.0}, {"noise": -1.0}, {"epsilon": 1e-4}])
def test_bad_settings(settings):
    complaint = "did you mean 'soft'" if "assign" in settings else "needs tau > 0, noise >= 0 and epsilon"
    with pytest.raises(UserError, match=complaint):
        quantise(torch.zeros(2, 2), TABLES, **settings)


def test_equal_distances_are_no_division_by_zero():
    for assign in ASSIGNMENTS:
        found = quantise(torch.zeros(4, 2), torch.zeros(2, 3, 2), assign=assign)
        assert found.quantised.isfinite().all() and found.weights.isfinite().all()
