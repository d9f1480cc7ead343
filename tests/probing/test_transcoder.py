"""Transcoders: an autoencoder is a special case, known directions are recovered, the skip explains the linear part."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from workbench.errors import UserError
from workbench.evaluate import evaluate
from workbench.experiment import open_bench
from workbench.experiment.probing import train_sae
from workbench.probing.activations.hooks import Site
from workbench.probing.dictionaries import ground_truth, sae, transcoder
from workbench.probing.dictionaries.autograd_saes import LOSSES, AutogradStep
from workbench.probing.dictionaries.topk import SparseStep, subtract_skip

SETTINGS = {"latents": 96, "k": 3, "epochs": 40, "batch": 512, "lr": 3e-3}
ARRAYS = ("encoder", "bias", "decoder", "center", "threshold")


def world():
    """x (n, 32), y (n, 24) = A x + what 40 concepts add where they fire in x; A and the directions (40, 24)."""
    rng = np.random.default_rng(0)
    made = ground_truth.synthetic_activations(6000, width=32, concepts=40, active=3, seed=1)
    A, directions = rng.standard_normal((24, 32)) / 3, rng.standard_normal((40, 24))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    x = made.x + 0.3 * rng.standard_normal(made.x.shape)
    y = x @ A.T + made.coefficients @ directions
    return *(a.astype(np.float32) for a in (2 * x + 1, 0.3 * y - 4)), 0.15 * A, directions


X, Y, A, DIRECTIONS = world()


@pytest.mark.parametrize("kind", ["topk", "batchtopk", "gated", "jumprelu"])
def test_from_a_site_to_itself_it_equals_the_autoencoder(kind):
    settings = {"kind": kind, "latents": 64, "k": 3, "epochs": 3, "batch": 512, "seed": 2}
    made, plain = transcoder.train(X, X.copy(), **settings), sae.train(X, **settings)
    assert made.skip is None and all(torch.equal(getattr(made.dictionary, n), getattr(plain, n)) for n in ARRAYS)
    rows = torch.from_numpy(X)
    assert torch.equal(made.predict(rows), plain.decode(plain.encode(rows)))


def test_the_skip_explains_the_linear_part_and_latents_the_rest():
    floor = transcoder.evaluate_transcoder(transcoder.linear_map(X, Y), X, Y)["fvu"]
    without, beside = (transcoder.train(X, Y, skip=skip, **SETTINGS) for skip in (False, True))
    told = [transcoder.evaluate_transcoder(made, X, Y) for made in (without, beside)]
    assert told[1]["fvu"] < 0.8 * floor < floor < told[0]["fvu"] < 0.6
    assert 2.95 < told[1]["l0"] <= 3, "a row may have fewer than k positive latents"
    maps = (beside, transcoder.linear_map(X, Y))
    wrong = [np.linalg.norm(made.skip.numpy() - A) / np.linalg.norm(A) for made in maps]
    assert wrong[0] < 0.15 < 0.2 < wrong[1], "least squares alone also fits what concepts share with x"
    found = [ground_truth.mmcs(DIRECTIONS, made.dictionary.decoder.numpy()) for made in (without, beside)]
    assert found[1] > 0.9 > 0.7 > found[0], "without a skip the latents fit the linear map"


def test_a_sparse_map_needs_no_skip():
    made = ground_truth.synthetic_activations(6000, width=32, concepts=40, active=3, noise=0.0, seed=1)
    y = (made.coefficients @ DIRECTIONS).astype(np.float32)
    told = transcoder.train(made.x, y, **SETTINGS)
    assert transcoder.evaluate_transcoder(told, made.x, y)["fvu"] < 0.2
    assert ground_truth.mmcs(DIRECTIONS, told.dictionary.decoder.numpy()) > 0.9


def test_the_best_linear_map_is_that_of_least_squares():
    made = transcoder.linear_map(X, Y)
    wide = np.column_stack([X, np.ones(len(X))]).astype(np.float64)
    expected = wide @ np.linalg.lstsq(wide, Y, rcond=None)[0]
    assert transcoder.reconstruct(made, X) == pytest.approx(expected, abs=2e-3)
    assert transcoder.evaluate_transcoder(made, X, Y)["l0"] == 0


@pytest.mark.parametrize("kind", ["topk", "batchtopk", *LOSSES])
@pytest.mark.parametrize("skip", [False, True])
def test_scales_of_both_sides_are_folded_in(kind, skip):
    """Trained on rescaled inputs and outputs, it gives the rescaled predictions."""
    short = {"kind": kind, "latents": 64, "k": 3, "epochs": 2, "batch": 512, "skip": skip}
    made, other = transcoder.train(X, Y, **short), transcoder.train(X * 8 + 1, Y / 4 - 2, **short)
    rows = torch.from_numpy(X)
    off = (made.predict(rows) - (other.predict(rows * 8 + 1) + 2) * 4).abs().amax(1) > 0.01 * Y.std()
    assert off.float().mean() < 0.02, "a latent at the threshold may fall on either side"
    assert made.dictionary.decoder.norm(dim=1).numpy() == pytest.approx(np.ones(64), abs=1e-5)


@pytest.mark.parametrize("kind", ["topk", "gated"])
def test_gradients_of_the_skip_are_those_of_autograd(kind):
    g = torch.Generator().manual_seed(0)
    x, y = torch.randn(50, 8, generator=g), torch.randn(50, 6, generator=g)
    p = {"W": torch.randn(24, 8, generator=g), "D": torch.randn(24, 6, generator=g), "b": torch.zeros(24),
         "c": torch.zeros(6), "S": torch.randn(6, 8, generator=g)}  # fmt: skip
    p |= {"r": torch.zeros(24), "g": torch.zeros(24)} if kind == "gated" else {}
    step = AutogradStep(kind, 3, 7.0) if kind == "gated" else SparseStep(kind, 3, 7.0)
    step(x, y, p, torch.zeros(24, dtype=torch.bool))
    S = p["S"].clone().requires_grad_()
    target = subtract_skip(x, y, {"S": S})
    assert torch.equal(target, y - x @ S.T)
    z = torch.relu(x @ p["W"].T)
    if kind == "topk":
        top = z.topk(3, dim=1)
        z = torch.zeros_like(z).scatter(1, top.indices, top.values)
    loss = (z @ p["D"] - target).square().sum(1).mean() * (2 if kind == "gated" else 1) / 7
    loss.backward()
    assert torch.allclose(p["S"].grad, S.grad, atol=1e-5)


@pytest.mark.parametrize("skip", [False, True])
def test_saved_and_loaded_it_is_the_same(skip, tmp_path):
    made = transcoder.train(X, Y, latents=64, k=3, epochs=1, skip=skip)
    made.save(tmp_path)
    again = transcoder.Transcoder.load(tmp_path)
    assert np.array_equal(transcoder.reconstruct(again, X), transcoder.reconstruct(made, X))
    (tmp_path / "skip.safetensors").write_bytes(b"broken")
    if skip:
        with pytest.raises(UserError, match="missing or corrupt skip"):
            transcoder.Transcoder.load(tmp_path)


@pytest.mark.parametrize(("x", "y", "settings", "complaint"), [
    (X, Y[:-1], {}, "6,000 input rows and 5,999 output rows"),
    (X, Y, {"kind": "topkk"}, "did you mean 'topk'"),
    (X, np.full_like(Y, np.nan), {}, "6,000 of 6,000 activations are NaN"),
    (X, np.ones_like(Y), {}, "all activations are equal"),
    (X[:40], Y[:40], {}, "40 activations for 64 latents"),
])  # fmt: skip
def test_invalid_inputs_are_errors(x, y, settings, complaint):
    with pytest.raises(UserError, match=complaint):
        transcoder.train(x, y, **{"latents": 64, "k": 3, "epochs": 1} | settings)


def test_patching_a_network_with_a_transcoder():
    bench = open_bench("synthetic", profile="smoke", options={"users": 400, "items": 120})
    run = bench.fit("sasrec")
    sites = [Site("blocks.0.feedforward_norm"), Site("blocks.0.contract")]
    reads, makes = (train_sae.read_activations(run, site) for site in sites)
    model = run.recommender()
    made = train_sae.train_transcoder(run, reads, makes, k=8, latents=128, epochs=10, batch=512, skip=True)
    table = train_sae.metric_recovered_by_transcoder(run, reads, makes, made)
    assert table["ndcg@10"]["base"] == pytest.approx(run.metrics["ndcg@10"]) != table["ndcg@10"]["spliced"]
    rows = torch.from_numpy(reads.x)

    def exact(x):
        """The network's own part, from the one site to the other."""
        wide, narrow = model.module.blocks[0].expand, model.module.blocks[0].contract
        return F.linear(F.gelu(F.linear(x, wide.weight, wide.bias)), narrow.weight, narrow.bias).detach()

    assert np.allclose(exact(rows).numpy(), makes.x, atol=1e-4)
    plain = evaluate(model, bench.split.test, bench.split, quiet=True).ranks

    class Exact:
        predict = staticmethod(exact)

    with transcoder.patched_by_transcoder(model, *sites, Exact()):
        assert np.array_equal(evaluate(model, bench.split.test, bench.split, quiet=True).ranks, plain)
    with pytest.raises(UserError, match="blocks.0.feedforward_norm comes before blocks.0.contract"):
        with transcoder.patched_by_transcoder(model, *sites[::-1], Exact()):
            model.score(bench.split.test.histories.take([0]))
    with pytest.raises(UserError, match="not read at the same positions"):
        train_sae.train_transcoder(run, reads, makes.take(np.arange(9)))
    with pytest.raises(UserError, match="the site, weights or data here are others"):
        train_sae.metric_recovered_by_transcoder(run, makes, reads, made)
