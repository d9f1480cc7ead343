"""Mult-VAE: its loss against a dense one, the annealed divergence, and what the ablation and the placebo leave."""
import numpy as np
import pytest
import torch
from torch import distributions

import workbench as wb
from workbench.errors import UserError
from workbench.recommenders.rows import over_multivae
from workbench.recommenders.rows.user_rows import StepNoise, distinct_items
from workbench.systems.matrix_factorization import multivae
from workbench.train import Recipe, named_rng
from workbench.train.fit import TrainingSession

SIZES = {"width": 12, "latent": 5, "dropout": 0.0}
USERS = 20


@pytest.fixture(scope="module")
def bench():
    options = {"users": 150, "items": 80}
    return wb.open_bench("synthetic", profile="smoke", options=options, protocol={"split": "ratio"})


def dense_loss(bench, module, step, weight, order=slice(None)):
    """The loss as the paper has it, of dense rows; order: whose variance each row has."""
    rows = distinct_items(bench.split.train).take(range(USERS))
    x = torch.zeros(len(rows), bench.split.n_items + 1)
    x[rows.rows(), rows.items.astype(int)] = 1
    hidden = (x / x.norm(dim=1, keepdim=True) @ module.encoder.table.weight + module.encoder.shift).tanh()
    mean, variance = module.encoder.mean(hidden), module.encoder.variance(hidden)[order].exp()
    z = mean + variance.sqrt() * StepNoise(bench.seed, step).gaussian("latents of items", mean.shape, mean.device)
    logits = module.decoder(z).tanh() @ module.item.weight.T + module.bias.weight.T
    likelihood = (x[:, 1:] * logits[:, 1:].log_softmax(1)).sum(1)
    prior = distributions.Normal(0.0, 1.0)
    divergence = distributions.kl_divergence(distributions.Normal(mean, variance.sqrt()), prior).sum(1)
    return (weight * divergence - likelihood).mean().item()


def loss_of(bench, model, step):
    """The loss of the first users at one of a hundred steps."""
    session = TrainingSession(Recipe(epochs=100, batch_size=bench.split.n_users), bench.seed)
    return model.objective(model.module, bench.split, session).loss(np.arange(USERS), step)


@pytest.mark.parametrize("step", [0, 5, 70])
def test_the_loss_is_that_of_dense_rows(bench, step):
    model = bench.build("multivae", beta=0.4, **SIZES)
    weight = 0.4 * min(1, step / 100 / over_multivae.ANNEALED)
    assert weight == {0: 0, 5: pytest.approx(0.2), 70: 0.4}[step]
    assert loss_of(bench, model, step).item() == pytest.approx(dense_loss(bench, model.module, step, weight), rel=1e-5)


def test_the_placebo_gives_each_row_the_variance_of_another(bench):
    model = bench.build("multivae", beta=0.2, **multivae.PLACEBO, **SIZES)
    order = named_rng(bench.seed, "variances", 50).permutation(USERS)
    assert (order != range(USERS)).mean() > 0.8
    expected = dense_loss(bench, model.module, 50, 0.2, order)
    assert loss_of(bench, model, 50).item() == pytest.approx(expected, rel=1e-5)
    names = [[name for name, _ in each.module.named_parameters()] for each in (model, bench.build("multivae", **SIZES))]
    assert names[0] == names[1], "the placebo has the same parameters"


def test_the_ablation_has_no_variance_and_draws_nothing(bench, monkeypatch):
    on, off = bench.build("multivae", **SIZES), bench.build("multivae", **multivae.OFF, **SIZES)
    gone = {name for name, _ in on.module.named_parameters()} - {name for name, _ in off.module.named_parameters()}
    assert gone == {"encoder.variance.weight", "encoder.variance.bias"}
    assert all(torch.equal(p, dict(on.module.named_parameters())[name]) for name, p in off.module.named_parameters())
    monkeypatch.setattr(StepNoise, "gaussian", None)
    assert loss_of(bench, off, 1).item() == loss_of(bench, off, 2).item()


def test_what_is_served_is_the_mean(bench):
    model = bench.build("multivae", **SIZES)
    histories = bench.split.test.histories.take(range(5))
    assert torch.equal(model.scores(histories), model.scores(histories))
    with torch.no_grad():
        model.module.encoder.variance.bias.fill_(9.0)
        before = model.scores(histories)
        model.module.encoder.mean.bias.fill_(1.0)
    assert torch.isfinite(before).all() and not torch.allclose(before, model.scores(histories))


@pytest.mark.parametrize("changes", [{"width": 0}, {"latent": 0}, {"dropout": 1.0}, {"beta": -0.1}])
def test_settings_out_of_range_are_refused(bench, changes):
    with pytest.raises(UserError, match="multivae: width"):
        bench.build("multivae", **changes)
