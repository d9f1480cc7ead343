"""Faithfulness: hand values, two definitions of unexplained variance, and reconstructions spliced into a network."""
import re

import numpy as np
import pytest
import torch

from workbench.errors import UserError
from workbench.evaluate import evaluate, per_case
from workbench.experiment import open_bench
from workbench.probing.activations.hooks import Site
from workbench.probing.activations.store import record_activations
from workbench.probing.dictionaries import baselines, sae
from workbench.probing.interventions import faithfulness

X = np.array([[0.0, 0], [2, 0], [0, 2], [2, 2]])


def test_unexplained_variance_counts_a_constant_offset():
    rng = np.random.default_rng(0)
    x, rebuilt = rng.standard_normal((50, 4)), rng.standard_normal((50, 4)) * 0.3 + 1
    r = x - rebuilt
    total = np.square(x - x.mean(0)).sum()
    by_variance = 1 - 50 * r.var(axis=0).sum() / total
    assert faithfulness.fvu(x, rebuilt) == pytest.approx(1 - by_variance + 50 * np.square(r.mean(0)).sum() / total)
    shifted = X + [1, 0]
    assert faithfulness.fvu(X, shifted) == 0.5, "although the variance of the residual is 0"


def test_a_pooled_fvu_hides_poor_groups():
    x = np.concatenate([X, X + 100])
    rebuilt = np.concatenate([np.full((4, 2), 1.0), np.full((4, 2), 101.0)]) + np.array([[1.0, 0]])
    by = faithfulness.fvu_by_group(x, rebuilt, np.repeat([0, 1], 4))
    assert faithfulness.fvu(x, rebuilt) < 0.01 and by[0] == by[1] == 1.5


def test_recovered_by_hand_and_as_text():
    rng = np.random.default_rng(0)
    base = rng.random(400)
    found = faithfulness.recovered(base, 0.5 * base, np.zeros(400))
    assert (found.share, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))
    losses = [np.full(9, value) for value in (-6.0, -6.3, -8.0)]
    assert faithfulness.recovered(*losses).share == 0.85
    noisy = faithfulness.recovered(base, base + rng.normal(0, 0.2, 400), np.zeros(400))
    assert noisy.low < noisy.share < noisy.high and "%" in noisy.text
    for ablated in (base, base + rng.normal(0, 0.1, 400)):
        nothing = faithfulness.recovered(base, base, ablated)
        assert nothing.share is None and "does not matter" in nothing.text
    harmful = faithfulness.recovered(base, base + 0.1, base + 0.2)
    assert harmful.share is None and "better without" in harmful.text, "undefined if ablation improves the metric"


def test_lists_by_hand():
    a, b = np.array([[1, 2, 3]]), np.array([[2, 1, 3]])
    assert faithfulness.rbo(a, a) == 1 and faithfulness.rbo(a, b + 9) == 0
    weight = 0.9 ** np.arange(3)
    raw = 0.1 * (weight * [0, 1, 1]).sum()
    assert raw == pytest.approx(0.171) and faithfulness.rbo(a, b) == pytest.approx(raw / (0.1 * weight.sum()))
    assert faithfulness.overlap(a, b) == 1 and faithfulness.overlap(a, np.array([[3, 8, 9]])) == pytest.approx(1 / 3)


@pytest.fixture(scope="module")
def bench():
    return open_bench("synthetic", profile="smoke", options={"users": 400, "items": 120})


@pytest.fixture(scope="module", params=[("sasrec", {}), ("tiger", {"layers": 1, "epochs": 6})], ids=lambda p: p[0])
def model(bench, request):
    name, changes = request.param
    return bench.fit(name, **changes).recommender()


def scores(bench, model):
    cases = bench.split.test
    found = evaluate(model, cases, bench.split, quiet=True)
    return per_case("ndcg@10", found.ranks, found.groups)


@pytest.mark.parametrize("path", ["norm", "blocks.0.out"])
def test_a_complete_pca_leaves_the_network_unchanged(bench, model, path):
    site = Site(path)
    cached = record_activations(model, site, bench.split.train)
    whole, base = baselines.fit_baseline("pca", cached.x), scores(bench, model)
    assert faithfulness.evaluate_reconstruction(whole, cached.x)["fvu"] < 1e-6
    with faithfulness.patched(model, site, lambda x: x):
        assert np.array_equal(scores(bench, model), base)
    with faithfulness.patched(model, site, faithfulness.replacement_edits(whole, cached.x.mean(0))["spliced"]):
        assert np.mean(scores(bench, model) != base) < 0.02
    values = {}
    learned = sae.train(cached.x, latents=128, k=8, epochs=10, batch=512)
    for name, edit in faithfulness.replacement_edits(learned, cached.x.mean(0)).items():
        with faithfulness.patched(model, site, edit):
            values[name] = scores(bench, model)
    kept = faithfulness.recovered(base, values["spliced"], values["mean"])
    if kept.share is None:
        assert abs(base - values["mean"]).mean() > 0, "ablation changes the lists, but not their quality"
    else:
        assert base.mean() > values["mean"].mean() and 0.4 < kept.share < 1.3
    assert np.array_equal(scores(bench, model), base), "and no hook remains"


def test_another_scale_is_an_error():
    x = torch.randn(500, 16).numpy()
    found = sae.train(x, latents=64, k=3, epochs=3)
    with pytest.raises(UserError, match="worse than the mean"):
        faithfulness.evaluate_reconstruction(found, x * 0.01)


def test_batches_do_not_change_what_is_measured(monkeypatch):
    x = torch.randn(500, 16).numpy()
    found = sae.train(x, latents=64, k=3, epochs=3)
    told = faithfulness.evaluate_reconstruction(found, x)
    monkeypatch.setattr(faithfulness, "ROWS", 7)
    assert faithfulness.evaluate_reconstruction(found, x) == pytest.approx(told, abs=1e-6)


@pytest.mark.parametrize(("users", "text"), [(199, r"75% \[\d+%, \d+%\]"), (400, r"75\.\d% \[\d+\.\d%, \d+\.\d%\]")])
def test_the_share_of_few_users_is_written_without_a_decimal(users, text):
    base = np.full(users, 0.4)
    spliced = np.where(np.arange(users) % 2, 0.35, 0.25)
    assert re.fullmatch(text, faithfulness.recovered(base, spliced, np.zeros(users)).text)
