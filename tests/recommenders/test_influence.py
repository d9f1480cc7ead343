"""Influence: against leaving out and training again, and gradients of one layer against those of the whole network."""
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import spearmanr
from torch.func import functional_call, hessian
from toys import random_histories

from workbench.errors import UserError
from workbench.nets.transformer import SequenceEncoder
from workbench.recommenders.selection.influence import hessian_product, influence, inverse_product
from workbench.recommenders.selection.surrogate import Surrogate

N, L2, LAYER = 30, 0.1, "blocks.1.attention.out.weight"


def points(seed: int, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    y = (x @ [1.5, -1.0, 0.5] + rng.normal(size=n) > 0).astype(float)
    return torch.from_numpy(x), torch.from_numpy(y)


def losses(theta: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return F.binary_cross_entropy_with_logits(x @ theta, y, reduction="none")


def objective(theta: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Of N points or of N less one, each with the weight 1 / N."""
    return losses(theta, x, y).sum() / N + L2 / 2 * (theta**2).sum()


def trained(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The minimum of the objective, by Newton's method."""
    theta = torch.zeros(3, dtype=torch.float64)
    for _ in range(12):
        p = (x @ theta).sigmoid()
        H = (x.T * (p * (1 - p))) @ x / N + L2 * torch.eye(3)
        theta = theta - torch.linalg.solve(H, x.T @ (p - y) / N + L2 * theta)
    return theta


@pytest.mark.parametrize("held_out", [False, True])
def test_influence_ranks_points_as_leaving_them_out_does(held_out):
    """Of a logistic regression: by how much the loss rises, on the points it is trained on or on others."""
    x, y = points(0, N)
    target = points(1, 200) if held_out else (x, y)
    theta = trained(x, y)
    before = losses(theta, *target).mean()
    keep = [torch.arange(N) != i for i in range(N)]
    rise = [float(losses(trained(x[each], y[each]), *target).mean() - before) for each in keep]

    v = torch.func.grad(lambda theta: losses(theta, *target).mean())(theta)
    weight = theta.clone().requires_grad_()
    h = inverse_product(lambda h, _: hessian_product(objective(weight, x, y), weight, h), v, steps=200,
                        damp=1e-6, scale=2.0)  # fmt: skip
    gradients = torch.func.vmap(torch.func.grad(lambda t, x, y: losses(t, x[None], y[None])[0]), (None, 0, 0))
    estimate = gradients(theta, x, y) @ h / N
    assert spearmanr(estimate, rise)[0] > 0.8
    assert np.corrcoef(estimate.numpy(), rise)[0, 1] > 0.8, "in size and sign too"


def test_the_recursion_solves_the_damped_system():
    root = torch.randn(6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    H, v = root @ root.T, torch.arange(6.0, dtype=torch.float64)
    found = inverse_product(lambda h, _: H @ h, v, steps=4000, damp=0.01, scale=25.0)
    assert torch.allclose(found, torch.linalg.solve(H + 0.25 * torch.eye(6), v), atol=1e-6)
    with pytest.raises(UserError, match="does not converge in 4,000 steps"):
        inverse_product(lambda h, _: 100 * H @ h, v, steps=4000)


@pytest.fixture(scope="module")
def case():
    torch.manual_seed(0)
    module = SequenceEncoder(20, width=8, layers=2, heads=2, feedforward=16, max_length=6, dropout=0.3).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(3)
    histories = random_histories(40, 20, longest=9, seed=3)
    histories = histories.take(np.flatnonzero(histories.lengths > 1))
    return SimpleNamespace(module=module, max_length=6), histories


def whole_loss(model, histories, rows, weight) -> torch.Tensor:
    """The mean loss of some histories, through the whole network."""
    each = []
    for row in rows:
        items = torch.from_numpy(histories.row(row)[-7:].astype(np.int64))[None]
        h = functional_call(model.module, {LAYER: weight}, (items[:, :-1],))
        each.append(F.cross_entropy(h[0] @ model.module.item.weight[1:].T, items[0, 1:] - 1))
    return torch.stack(each).mean()


def test_gradients_of_each_history_are_those_of_the_whole_network(case):
    model, histories = case
    surrogate, weight = Surrogate(*case), model.module.blocks[1].attention.out.weight.detach().clone()
    alone = [torch.func.grad(lambda w, row=row: whole_loss(model, histories, [row], w))(weight)
             for row in range(len(histories))]  # fmt: skip
    direction = torch.randn(8, 8, generator=torch.Generator().manual_seed(1))
    assert np.allclose(surrogate.gradient_norms(), [float(g.norm()) for g in alone], rtol=1e-4)
    assert np.allclose(surrogate.gradients_along(direction), [float((g * direction).sum()) for g in alone], atol=1e-4)
    assert torch.allclose(surrogate.mean_gradient(), torch.stack(alone).mean(0), atol=1e-5)
    losses_of = [float(whole_loss(model, histories, [row], weight)) for row in range(len(histories))]
    assert np.allclose(surrogate.history_losses(), losses_of, rtol=1e-4)


def test_the_product_with_the_hessian_is_that_of_the_whole_network(case):
    model, histories = case
    surrogate, rows = Surrogate(*case), [0, 3, 3, 7]
    direction = torch.randn(8, 8, generator=torch.Generator().manual_seed(1))
    weight = surrogate.weight.detach()
    whole = hessian(lambda w: whole_loss(model, histories, rows, w.view(8, 8)))(weight.flatten()) @ direction.flatten()
    found = hessian_product(surrogate.loss(torch.tensor(rows), surrogate.weight), surrogate.weight, direction)
    assert torch.allclose(found.flatten(), whole, atol=1e-4)


def test_influence_is_the_solution_with_the_hessian_of_all_histories(case):
    """The stochastic recursion against a solve; gradients alone would rank otherwise."""
    surrogate = Surrogate(*case)
    everyone = torch.arange(surrogate.n)
    H = hessian(lambda w: surrogate.loss(everyone, w.view(8, 8)))(surrogate.weight.detach().flatten())
    exact = torch.linalg.solve(H + 0.25 * torch.eye(64), surrogate.mean_gradient().flatten()).view(8, 8)
    estimate = influence(surrogate, steps=600, seed=0)
    assert spearmanr(estimate, surrogate.gradients_along(exact))[0] > 0.9
    assert np.array_equal(estimate, influence(surrogate, steps=600, seed=0))
