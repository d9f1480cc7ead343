"""SAEs trained by autograd: hand values, properties of their losses, and recovery of known directions."""
import numpy as np
import pytest
import torch

from workbench.errors import UserError
from workbench.probing.dictionaries import autograd_saes, ground_truth, sae
from workbench.probing.dictionaries.topk import SparseStep
from workbench.probing.interventions.faithfulness import evaluate_reconstruction, reconstruct

WORLD = ground_truth.synthetic_activations(5000, width=24, concepts=36, active=3, seed=2)


def params(kind, m=20, d=6, seed=0):
    g = torch.Generator().manual_seed(seed)
    W, D = torch.randn(m, d, generator=g), torch.randn(m, d, generator=g)
    p = {"W": W, "b": 0.1 * torch.randn(m, generator=g), "D": D / D.norm(dim=1, keepdim=True), "c": torch.zeros(d)}
    p |= autograd_saes.extra_parameters(kind, m)
    return {name: tensor.clone().requires_grad_() for name, tensor in p.items()}, torch.randn(40, d, generator=g)


def test_a_threshold_by_hand():
    u, theta = torch.tensor([[0.5, 2.0]]), torch.tensor([1.0, 1.0])
    z, on = autograd_saes.JumpReLU.apply(u, theta)
    assert z.tolist() == [[0, 2]] and on.tolist() == [[0, 1]]


def test_a_threshold_has_the_gradients_of_the_paper():
    u = torch.tensor([[1.04, 3.0], [0.97, 0.2]], requires_grad=True)
    theta = torch.tensor([1.0, 1.0], requires_grad=True)
    z, on = autograd_saes.JumpReLU.apply(u, theta)
    (2 * z.sum() + 5 * on.sum()).backward()
    assert u.grad.tolist() == [[2, 2], [0, 0]]
    assert theta.grad.tolist() == pytest.approx([-2 * (2 * 1.0 + 5) / autograd_saes.BANDWIDTH, 0])


def test_the_penalty_of_relu_is_scale_invariant():
    p, x = params("relu")
    error, penalty, _ = autograd_saes.relu_loss(x, x, p, 3, 0.1)
    with torch.no_grad():
        p["W"][4] /= 3
        p["b"][4] /= 3
        p["D"][4] *= 3
    again = autograd_saes.relu_loss(x, x, p, 3, 0.1)
    assert torch.allclose(error, again[0]) and torch.allclose(penalty, again[1])


def test_the_auxiliary_loss_of_the_gate_trains_no_direction():
    p, x = params("gated")
    error, penalty, z = autograd_saes.gated_loss(x, x, p, 3, 0.1)
    shared = autograd_saes.squared_error(x, autograd_saes.decode(z, p))
    names = ("D", "c", "g", "W")
    whole, first = (torch.autograd.grad(term, [p[n] for n in names], retain_graph=True, allow_unused=True)
                    for term in (error, shared))  # fmt: skip
    assert error > shared and torch.equal(whole[0], first[0]) and torch.equal(whole[1], first[1])
    assert first[2] is None and whole[2].abs().sum() > 0, "only the auxiliary loss trains the gate"
    assert not torch.allclose(whole[3], first[3])
    penalty.backward(retain_graph=True)
    assert p["D"].grad is not None and p["r"].grad is None, "magnitudes are not penalized"
    assert ((z > 0) <= (x @ p["W"].T + p["g"] > 0)).all()


def test_a_prefix_of_matryoshka_is_a_plain_autoencoder(monkeypatch):
    p, x = params("matryoshka", m=16)
    error, _, z = autograd_saes.matryoshka_loss(x, x, p, 3, 0.0)
    each = [
        autograd_saes.squared_error(x, z[:, : 16 // divisor] @ p["D"][: 16 // divisor] + p["c"])
        for divisor in autograd_saes.PREFIX_DIVISORS
    ]
    assert torch.allclose(error, torch.stack(each).mean()) and (z > 0).sum() <= 3 * len(x)
    monkeypatch.setattr(autograd_saes, "PREFIX_DIVISORS", (1,))
    whole, _, same = autograd_saes.matryoshka_loss(x, x, p, 3, 0.0)
    still = {name: tensor.detach().clone() for name, tensor in p.items()}
    plain, _, smallest = SparseStep("batchtopk", 3, 7.0)(x, x, still, torch.zeros(16, dtype=torch.bool))
    assert torch.equal(same, z) and whole.item() == pytest.approx(7 * plain, rel=1e-5), "one prefix is BatchTopK"
    (whole / 7).backward()
    assert all(torch.allclose(p[name].grad, still[name].grad, atol=1e-5) for name in "WbDc")
    assert smallest == pytest.approx(z[z > 0].min().item(), rel=1e-5)


def test_training_that_diverges_or_kills_all_latents_is_an_error():
    with pytest.raises(UserError, match="gated: all 32 latents are dead after 4 epochs; lower lr or raise k"):
        sae.train(WORLD.x[:2000], kind="gated", latents=32, k=2, epochs=4, batch=200, lr=10.0)
    for kind in autograd_saes.LOSSES:
        with pytest.raises(UserError, match="loss is not a number in epoch 1; lower lr, now 1e\\+30|latents are dead"):
            sae.train(WORLD.x[:2000], kind=kind, latents=32, k=2, epochs=2, batch=200, lr=1e30)


@pytest.mark.parametrize("kind", autograd_saes.LOSSES)
def test_known_directions_are_recovered_at_the_desired_sparsity(kind):
    found = sae.train(WORLD.x, kind=kind, latents=72, k=4, epochs=80, batch=500, lr=3e-3)
    told = evaluate_reconstruction(found, WORLD.x)
    assert told["l0"] == pytest.approx(4, rel=0.35)
    assert ground_truth.mmcs(WORLD.directions, found.decoder.numpy()) > (0.85 if kind == "matryoshka" else 0.9)
    if kind == "relu":
        assert told["shrinkage"] < 0.7, "the known shrinkage of an L1 penalty"
    else:
        assert told["fvu"] < 0.25 and told["shrinkage"] > 0.95


@pytest.mark.parametrize("kind", autograd_saes.LOSSES)
def test_the_export_is_the_form(kind):
    x = WORLD.x * 5 + 2
    rows, mean, scale = sae.center_and_scale(x)
    p = sae.initialize(rows, kind, 48, 4, seed=0)
    g = torch.Generator().manual_seed(1)
    for name in "bgrt":
        if name in p:
            p[name] += 0.2 * torch.randn(48, generator=g)
    z = autograd_saes.LOSSES[kind](rows, rows, p, 4, 0.1)[2]
    threshold = z[z > 0].min().item() * 0.9999
    found = sae.to_dictionary(p, mean, scale, kind=kind, k=4, threshold=threshold, about={})
    expected = (z @ p["D"] + p["c"]) / scale + mean
    wrong = np.abs(reconstruct(found, x) - expected.numpy()).max(axis=1) > 2e-3 * np.abs(x).max()
    assert wrong.mean() < 0.003, "a latent at the very threshold may fall on either side"
