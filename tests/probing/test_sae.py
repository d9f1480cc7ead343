"""Sparse autoencoders: hand values, gradients against autograd, recovery of known directions, an exact export."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import UserError
from workbench.probing.dictionaries import baselines, ground_truth, sae
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.dictionaries.topk import THRESHOLDS, SparseLatents, SparseStep
from workbench.probing.interventions.faithfulness import evaluate_reconstruction, fvu, reconstruct

WORLD = ground_truth.synthetic_activations(6000, width=32, concepts=56, active=3, seed=1)


def kept_dense(u, kind, k):
    kept = SparseLatents(u, THRESHOLDS[kind](u, k))
    return torch.zeros_like(u).index_put_((kept.row, kept.latent), kept.value)


@pytest.mark.parametrize(("kind", "expected"), [("topk", [[3.0, 0], [1, 0]]), ("batchtopk", [[3.0, 2.5], [0, 0]])])
def test_by_hand(kind, expected):
    u = torch.tensor([[3.0, 2.5], [1.0, 0.5]])
    assert kept_dense(u, kind, 1).tolist() == expected


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 12), st.sampled_from(["topk", "batchtopk"]))
def test_active_latents_equal_those_of_topk(seed, B, k, kind):
    u = torch.randn(B, 12, generator=torch.Generator().manual_seed(seed))
    expected = torch.zeros_like(u)
    if kind == "topk":
        top = u.topk(k, dim=1)
        expected.scatter_(1, top.indices, top.values.relu())
    else:
        top = u.flatten().topk(k * B)
        expected.view(-1).scatter_(0, top.indices, top.values.relu())
    assert torch.equal(kept_dense(u, kind, k), expected)


def reference(kind, k, x, W, b, D, c, dead, variance, auxk, count):
    """The same loss by autograd, dense."""
    u = x @ W.T + b
    z = torch.zeros_like(u)
    if kind == "topk":
        top = u.topk(k, dim=1)
        z = z.scatter(1, top.indices, top.values.relu())
    else:
        top = u.flatten().topk(k * len(u))
        z = z.flatten().scatter(0, top.indices, top.values.relu()).view_as(u)
    error = z @ D + c - x
    loss = error.square().sum() / (len(x) * variance)
    if dead.any() and auxk:
        some = u[:, dead].topk(min(count, int(dead.sum())), dim=1)
        left = -error.detach()
        guess = torch.zeros_like(u[:, dead]).scatter(1, some.indices, some.values.relu()) @ D[dead]
        loss = loss + auxk * (guess - left).square().sum() / left.square().sum()
    return loss


@pytest.mark.parametrize("kind", THRESHOLDS)
@pytest.mark.parametrize("n_dead", [0, 3, 20])
def test_gradients_are_those_of_autograd(kind, n_dead):
    g = torch.Generator().manual_seed(0)
    x, W, D = (torch.randn(n, 8, generator=g) for n in (50, 24, 24))
    b, c = torch.randn(24, generator=g) * 0.1, torch.randn(8, generator=g) * 0.1
    dead = torch.arange(24) < n_dead
    params = [p.clone().requires_grad_() for p in (W, b, D, c)]
    loss = reference(kind, 3, x, *params, dead, 7.0, 1 / 32, 4)
    loss.backward()
    mine = {"W": W, "b": b, "D": D, "c": c}
    value, kept, smallest = SparseStep(kind, 3, 7.0, aux_latents=4)(x, x, mine, dead)
    for own, theirs in zip((W, b, D, c), params):
        assert torch.allclose(own.grad, theirs.grad, atol=1e-5)
    assert len(kept) <= 150 and smallest > 0
    assert value < 1.00001 * loss.item()


def test_a_dead_latent_turns_towards_the_residual():
    """The published code with the sign reversed turns it away."""
    x = torch.tensor([[2.0, 0.5], [2.0, 0.4]])
    W, D = torch.tensor([[1.0, 0.0], [0.1, 0.05]]), F.normalize(torch.tensor([[1.0, 0.0], [0.9, 0.5]]))
    b, c, dead = torch.zeros(2), torch.zeros(2), torch.tensor([False, True])
    left = torch.tensor([0.0, 1.0])
    SparseStep("topk", 1, 1.0)(x, x, {"W": W, "b": b, "D": D, "c": c}, dead)
    before, after = D[1] @ left, F.normalize(D[1] - 0.5 * D.grad[1], dim=0) @ left
    assert after > before
    SparseStep("topk", 1, 1.0, auxk=0)(x, x, {"W": W, "b": b, "D": D, "c": c}, dead)
    assert (D.grad[1] == 0).all() and (W.grad[1] == 0).all(), "without it a dead latent gets no gradient"


@pytest.mark.parametrize("kind", THRESHOLDS)
def test_known_directions_are_recovered(kind):
    found = sae.train(WORLD.x, kind=kind, latents=128, k=3, epochs=60, batch=512, lr=3e-3)
    learned = found.decoder.numpy()
    assert ground_truth.recovered_fraction(WORLD.directions, learned) > 0.9
    assert ground_truth.mmcs(WORLD.directions, learned) > 0.95 > 0.6 > ground_truth.random_mmcs(WORLD.directions, 128)
    rivals = [baselines.fit_baseline(kind, WORLD.x, k=3) for kind in ("pca", "ica", "neurons", "random")]
    assert all(ground_truth.recovered_fraction(WORLD.directions, rival.decoder.numpy()) < 0.5 for rival in rivals)
    assert fvu(WORLD.x, reconstruct(found, WORLD.x)) < 0.2 < min(fvu(WORLD.x, reconstruct(r, WORLD.x)) for r in rivals)
    assert found.decoder.norm(dim=1).numpy() == pytest.approx(np.ones(128), abs=1e-5)


@pytest.mark.parametrize("kind", THRESHOLDS)
def test_the_export_is_the_pipeline_and_scale_is_folded_in(kind):
    x = WORLD.x * 7 + 3
    rows, mean, scale = sae.center_and_scale(x)
    assert float(rows.norm(dim=1).mean()) == pytest.approx(32**0.5, rel=1e-4)
    params = sae.initialize(rows, kind, 48, 3, seed=0)
    found = sae.to_dictionary(params, mean, scale, kind=kind, k=3, threshold=0.9, about={})
    u = rows @ params["W"].T + params["b"]
    z = kept_dense(u, kind, 3) if kind == "topk" else torch.where(u > 0.9, u, 0.0)
    expected = (z @ params["D"] + params["c"]) / scale + mean
    assert np.abs(reconstruct(found, x) - expected.numpy()).max() < 1e-3 * np.abs(x).max()
    assert torch.allclose(found.encode(torch.from_numpy(x)), z / scale, atol=1e-3)


def test_equal_seeds_are_equal_and_frozen_decoders_stay():
    settings = {"latents": 48, "k": 3, "epochs": 3, "batch": 512}
    a, b, c = (sae.train(WORLD.x, seed=seed, **settings) for seed in (0, 0, 1))
    assert torch.equal(a.decoder, b.decoder) and torch.equal(a.encoder, b.encoder)
    assert not torch.equal(a.decoder, c.decoder)
    frozen = sae.train(WORLD.x, frozen_decoder=True, **settings)
    rows, *_ = sae.center_and_scale(WORLD.x)
    assert torch.equal(frozen.decoder, sae.initialize(rows, "topk", 48, 3, 0)["D"])
    assert not torch.equal(frozen.encoder, sae.initialize(rows, "topk", 48, 3, 0)["W"])


@pytest.mark.parametrize("kind", ["topk", "batchtopk", "relu"])
def test_several_sparsities_in_one_pass_equal_separate_trainings(kind):
    settings = {"kind": kind, "latents": 48, "epochs": 3, "batch": 512, "seed": 4}
    together = sae.train_several(WORLD.x, ks=(2, 5), **settings)
    for k, made in together.items():
        alone = sae.train(WORLD.x, k=k, **settings)
        assert all(torch.equal(getattr(made, n), getattr(alone, n)) for n in ("encoder", "bias", "decoder", "center"))
        assert made.about == alone.about and (made.k, made.about["k"]) == (alone.k, k)
    with pytest.raises(UserError, match="at least one k"):
        sae.train_several(WORLD.x, ks=())


def test_saved_and_loaded_it_is_the_same_and_bound_to_its_site(tmp_path):
    from dataclasses import replace

    found = replace(sae.train(WORLD.x, latents=48, k=3, epochs=2), fingerprint="here")
    found.save(tmp_path)
    again = Dictionary.load(tmp_path)
    assert all(torch.equal(getattr(found, n), getattr(again, n)) for n in ("encoder", "bias", "decoder", "threshold"))
    assert (again.k, again.fingerprint, again.about["kind"]) == (3, "here", "topk")
    assert again.check_site("here") is again
    with pytest.raises(UserError, match="the site, weights or data here are others"):
        again.check_site("there")
    (tmp_path / "dictionary.safetensors").write_bytes(b"broken")
    with pytest.raises(UserError, match="missing or corrupt dictionary"):
        Dictionary.load(tmp_path)


def test_sparse_latents_equal_dense_ones():
    found = sae.train(WORLD.x, latents=48, k=3, epochs=2)
    dense = found.encode(torch.from_numpy(WORLD.x)).numpy()
    assert np.array_equal(found.encode_sparse(WORLD.x).toarray(), dense)
    told = evaluate_reconstruction(found, WORLD.x)
    assert told["l0"] == pytest.approx((dense > 0).sum(1).mean()) and told["dead"] == ((dense > 0).sum(0) == 0).mean()


def with_nan():
    x = WORLD.x.copy()
    x[5, 3] = np.nan
    return x


@pytest.mark.parametrize(("x", "settings", "complaint"), [
    (WORLD.x, {"kind": "topkk"}, "did you mean 'topk'"),
    (WORLD.x, {"k": 0}, "k=0: must be between 1 and the 64 latents"),
    (WORLD.x, {"k": 65}, "k=65"),
    (WORLD.x[:40], {}, "40 activations for 64 latents; give more rows, or latents=40 or fewer"),
    (np.ones_like(WORLD.x), {}, "all activations are equal"),
    (with_nan(), {}, "1 of 6,000 activations are NaN or infinite"),
    (WORLD.x, {"lr": 1e30, "epochs": 3}, "not a number|are dead"),
])  # fmt: skip
def test_invalid_settings_are_errors(x, settings, complaint):
    with pytest.raises(UserError, match=complaint):
        sae.train(x, **{"latents": 64, "k": 3, "epochs": 1} | settings)


def test_a_large_k_is_warned_about(caplog):
    sae.train(WORLD.x, latents=64, k=16, epochs=1)
    assert "k=16 of 32 dimensions is hardly sparse" in caplog.text


def test_a_complete_pca_reconstructs_exactly():
    whole = baselines.fit_baseline("pca", WORLD.x)
    assert fvu(WORLD.x, reconstruct(whole, WORLD.x)) < 1e-6
    with pytest.raises(UserError, match="did you mean 'neurons'"):
        baselines.fit_baseline("neuron", WORLD.x)
