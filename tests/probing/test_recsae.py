"""RecSAE as published against its released code, if available, and the effect of each fix."""
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from workbench.errors import UserError
from workbench.probing.dictionaries import ground_truth, recsae, sae
from workbench.probing.interventions.faithfulness import fvu, reconstruct
from workbench.train.rng import derive_seed

WORLD = ground_truth.synthetic_activations(3000, width=32, concepts=56, active=3, seed=1)
X = WORLD.x + 0.2
SHORT = {"latents": 64, "k": 3, "epochs": 2, "batch": 100}
ARRAYS = ("encoder", "bias", "decoder", "center", "threshold")
NONE = torch.zeros(64, dtype=torch.bool)


@pytest.fixture
def released(monkeypatch):
    """The module of the released code, of which nothing stays imported."""
    checkout = Path(os.environ.get("RECSAE", ""))
    if not (checkout / "src" / "models" / "sae" / "sae.py").is_file():
        pytest.skip("RECSAE: set it to a checkout of github.com/parepic/RecSAE_Update")
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(checkout / "src"))
    from models.sae.sae import SAE

    yield lambda width, latents, k: SAE(
        SimpleNamespace(sae_k=k, sae_scale_size=latents // width, device="cpu"), width
    )
    for name in set(sys.modules) - before:
        if name.split(".")[0] in ("models", "utils"):
            del sys.modules[name]


def test_it_is_the_released_code(released):
    """Three epochs, of which the later two have dead latents: losses, gradients and what was learned."""
    rows, p = torch.from_numpy(X[:900]), recsae.initialize(torch.from_numpy(X[:900]), 256, 3, seed=5)
    theirs = released(32, 256, 3)
    named = {"W": theirs.encoder.weight, "b": theirs.encoder.bias, "D": theirs.W_dec, "c": theirs.b_dec}
    for name, tensor in named.items():
        tensor.data.copy_(p[name])
    theirs.set_decoder_norm_to_unit_norm()
    biases = [tensor for name, tensor in theirs.named_parameters() if "bias" in name]
    weights = [tensor for name, tensor in theirs.named_parameters() if "bias" not in name]
    optimizer = torch.optim.Adam([{"params": weights, "weight_decay": 1e-6}, {"params": biases}], lr=1e-3)
    order = torch.Generator().manual_seed(derive_seed(5, "recsae order"))
    dead = torch.zeros(256, dtype=torch.bool)
    for epoch in range(1, 4):
        theirs.set_decoder_norm_to_unit_norm()
        for index in torch.randperm(900, generator=order).tensor_split(9):
            optimizer.zero_grad()
            theirs(rows[index], train_mode=True)
            total = theirs.fvu + (theirs.auxk_loss / 32 if epoch > 1 else 0)
            total.backward()
            mine = {name: tensor.detach().clone().requires_grad_() for name, tensor in named.items()}
            found = recsae.loss(rows[index], mine, 3, dead)
            found.total.backward()
            assert found.total.item() == pytest.approx(total.item(), abs=1e-5)
            for name, tensor in named.items():
                assert torch.allclose(mine[name].grad, tensor.grad, atol=1e-5), (epoch, name)
            optimizer.step()
        theirs.get_dead_latent_ratio(need_update=1)
        dead = torch.ones(256, dtype=torch.bool)
        dead[theirs.previous_activate_latents] = False
        assert dead.any()
    curve = recsae.fit(rows, p, 3, epochs=3, batch=100, lr=1e-3, seed=5)
    assert all(torch.allclose(p[name], tensor, atol=1e-4) for name, tensor in named.items())
    assert curve[-1]["unchosen"] == pytest.approx(float(dead.float().mean()))


def test_not_faithful_it_equals_our_autoencoder():
    mine, plain = recsae.train(X, faithful=False, lr=1e-3, **SHORT), sae.train(X, lr=1e-3, **SHORT)
    assert all(torch.equal(getattr(mine, name), getattr(plain, name)) for name in ARRAYS) and mine.about == plain.about


def test_the_published_start_and_its_export():
    found = recsae.train(X, **SHORT | {"epochs": 1, "lr": 0.0})
    p = recsae.initialize(torch.from_numpy(X), 64, 3, seed=0)
    assert torch.equal(found.encoder, p["W"]) and p["W"].abs().max() <= 32**-0.5 and not p["b"].any()
    assert torch.allclose(found.decoder, p["W"] / p["W"].norm(dim=1, keepdim=True), atol=1e-6)
    found = recsae.train(X, fixes=tuple(recsae.FIXES), **SHORT)
    rows, mean, scale = sae.center_and_scale(X)
    p = recsae.initialize(rows, 64, 3, 0, tuple(recsae.FIXES))
    recsae.fit(rows, p, 3, epochs=2, batch=100, lr=1e-4, fixes=tuple(recsae.FIXES))
    u = torch.relu((rows - p["c"]) @ p["W"].T + p["b"])
    top = u.topk(3, dim=1)
    z = torch.zeros_like(u).scatter(1, top.indices, top.values)
    expected = ((z @ p["D"] + p["c"]) / scale + mean).numpy()
    assert reconstruct(found, X) == pytest.approx(expected, abs=1e-4)


def test_centring_and_start_remove_shift_and_scale():
    def latents(x, *fixes):
        return recsae.train(x, fixes=fixes, **SHORT).encode(torch.from_numpy(x))

    shift = X + np.float32(0.5)
    assert torch.allclose(latents(X, "centring"), latents(shift, "centring"), atol=1e-3)
    assert not torch.allclose(latents(X), latents(shift), atol=1e-2)
    assert torch.allclose(8 * latents(X, "start"), latents(8 * X, "start"), atol=1e-3)
    assert not torch.allclose(8 * latents(X), latents(8 * X), atol=1e-2)


def test_projection_keeps_directions_at_norm_1():
    lengths = {fixes: recsae.train(X, fixes=fixes, lr=1e-3, **SHORT).decoder.norm(dim=1).numpy()
               for fixes in ((), ("projection",))}  # fmt: skip
    assert lengths[("projection",)] == pytest.approx(np.ones(64), abs=1e-5)
    assert np.abs(lengths[()] - 1).max() > 1e-3


def gradients(x, p, dead=NONE, **given):
    mine = {name: tensor.clone().requires_grad_() for name, tensor in p.items()}
    recsae.loss(x, mine, 3, dead, **given).total.backward()
    return {name: tensor.grad for name, tensor in mine.items()}


def test_the_overall_variance_does_not_depend_on_the_batch():
    rows = torch.from_numpy(X[:40])
    p = recsae.initialize(rows, 64, 3, 0)
    for fixes, same in (("variance",), True), ((), False):
        given = {"variance": 2.5, "fixes": fixes}
        whole = gradients(rows, p, **given)
        halves = [gradients(part, p, **given) for part in rows.split([10, 30])]
        mixed = {name: 0.25 * halves[0][name] + 0.75 * halves[1][name] for name in whole}
        assert torch.allclose(whole["D"], mixed["D"], atol=1e-6) is same


def test_published_dead_latents_turn_away_from_the_residual():
    x = torch.tensor([[2.0, 0.5], [2.0, 0.4]])
    D = torch.nn.functional.normalize(torch.tensor([[1.0, 0.0], [0.9, 0.5]]))
    p = {"W": torch.tensor([[1.0, 0.0], [0.1, 0.05]]), "b": torch.zeros(2), "D": D, "c": torch.zeros(2)}
    left, dead = torch.tensor([0.0, 1.0]), torch.tensor([False, True])
    for fixes, turns in ((), -1), (("auxk",), 1), (("auxk", "weight"), 1):
        mine = {name: tensor.clone().requires_grad_() for name, tensor in p.items()}
        recsae.loss(x, mine, 1, dead, fixes=fixes).total.backward()
        after = torch.nn.functional.normalize(D[1] - 0.1 * mine["D"].grad[1], dim=0)
        assert turns * float(after @ left - D[1] @ left) > 1e-4
        alone = {name: tensor.clone().requires_grad_() for name, tensor in p.items()}
        recsae.loss(x, alone, 1, torch.tensor([False, False])).total.backward()
        # held still, what is left over teaches the dead one alone; published, it moves the others too
        assert torch.equal(mine["D"].grad[0], alone["D"].grad[0]) == (turns > 0)


@pytest.mark.parametrize(("fixes", "error", "auxiliary"), [
    ((), 18 / 26, 0.5 * (4.5**2 + 3**2) / 26), (("weight",), 18 / 26, (4.5**2 + 3**2) / 18),
    (("auxk",), 18 / 26, 0.5 * (1.5**2 + 3**2) / 26), (("auxk", "weight"), 18 / 26, (1.5**2 + 3**2) / 18),
    (("auxk", "variance"), 18 / 200, 0.5 * (1.5**2 + 3**2) / 200),
])  # fmt: skip
def test_the_loss_by_hand(fixes, error, auxiliary):
    """Both rows are left 3 wrong along e2, of a spread of 26. The one dead latent, of two that may be, makes 1.5 of the
    first row's and nothing of the second's: published, it is asked for -3 and 3, mended for 3 and -3."""
    x = torch.tensor([[2.0, 3, 0, 0], [-2, -3, 0, 0]])
    D = torch.tensor([[1.0, 0, 0, 0], [-1, 0, 0, 0], [0, 1, 0, 0]])
    p = {"W": D * torch.tensor([[1.0], [1], [0.5]]), "D": D, "b": torch.zeros(3), "c": torch.zeros(4)}
    found = recsae.loss(x, p, 1, torch.tensor([False, False, True]), variance=100.0, fixes=fixes)
    assert found.chosen.tolist() == [[0], [1]] and found.value.tolist() == [[2], [2]]
    assert found.fvu.item() == pytest.approx(error)
    assert found.total.item() == pytest.approx(error + auxiliary / 32)


def test_a_zero_among_the_k_largest_is_not_active():
    """No row has three latents above 0, so the published count takes silent ones for alive."""
    x = torch.from_numpy(np.abs(X[:300]))
    p = {"W": torch.cat([torch.eye(32)[:2], -torch.eye(32)[:2]]), "b": torch.zeros(4), "c": torch.zeros(32)}
    p["D"] = p["W"].clone()
    counts = {fixes: recsae.fit(x, {n: t.clone() for n, t in p.items()}, 3, epochs=1, batch=100, lr=0.0, fixes=fixes)
              for fixes in ((), ("dead",))}  # fmt: skip
    assert counts[()] == counts[("dead",)], "what is counted is told in both; what is trained on differs"
    assert counts[()][0]["dead"] == 0.5 > counts[()][0]["unchosen"]
    later = [recsae.fit(x, {n: t.clone() for n, t in p.items()}, 3, epochs=2, batch=100, lr=1e-3, fixes=fixes)[1]
             for fixes in ((), ("dead",))]  # fmt: skip
    assert later[0]["fvu"] != later[1]["fvu"]


def test_with_all_fixes_it_is_near_ours():
    settings = {"latents": 96, "k": 3, "epochs": 10, "batch": 100, "lr": 2e-3}
    table = recsae.compare_fixes(X[:2400], X[2400:], **settings)
    assert table.index.tolist() == ["published", *recsae.FIXES, "all", "sae.train"]
    assert table["fvu"]["all"] == pytest.approx(table["fvu"]["sae.train"], rel=0.15)
    alone = recsae.train(X[:2400], fixes=("start",), **settings)
    assert table["fvu"]["start"] == fvu(X[2400:], reconstruct(alone, X[2400:]))
    assert table["unchosen"].isna().tolist() == [False] * (len(table) - 1) + [True]


@pytest.mark.parametrize(("settings", "complaint"), [
    ({"fixes": ("centering",)}, "unknown fix of RecSAE 'centering'; did you mean 'centring'"),
    ({"fixes": ("auxk",), "faithful": False}, "apply to the published method"),
    ({"batch": 1}, "at least 2 rows"), ({"k": 65}, "k=65"), ({"latents": 3001}, "3,000 activations for 3,001 latents"),
    ({"lr": 1e30}, "not a number"),
])  # fmt: skip
def test_what_cannot_be_trained(settings, complaint):
    with pytest.raises(UserError, match=complaint):
        recsae.train(X, **SHORT | settings)
