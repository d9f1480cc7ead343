"""Ablation and steering: a null edit changes nothing, the last layer is linear, and a concept's share changes."""
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_matrix

from workbench.errors import UserError
from workbench.experiment import open_bench
from workbench.experiment.probing import train_sae
from workbench.probing.activations.hooks import Site
from workbench.probing.concepts import concepts
from workbench.probing.interventions import ablation, dose_response, faithfulness, steering

SITE = Site("blocks.0.out")


@pytest.fixture(scope="module")
def bench():
    return open_bench("synthetic", profile="smoke", options={"users": 800, "items": 160})


@pytest.fixture(scope="module")
def run(bench):
    return bench.fit("sasrec", epochs=12)


@pytest.fixture(scope="module")
def model(run):
    return run.recommender()


@pytest.fixture(scope="module")
def found(run):
    return train_sae.train_dictionary(
        run, train_sae.read_activations(run, SITE), k=6, latents=128, epochs=20, batch=512
    )


@pytest.fixture(scope="module")
def cases(bench):
    return bench.split.test.take(np.arange(300))


@pytest.fixture(scope="module")
def member(bench):
    known = concepts.item_concepts(bench.dataset, bench.split)
    column = known.names.tolist().index("category 1: Makeup")
    return np.asarray(known.members[:, column].todense()).ravel() > 0


def test_a_null_edit_changes_nothing(model, found, cases, member):
    base = ablation.top_k_items(model, cases)
    for edit in (lambda x: x + 0.0 * found.decoder[3], lambda x: x):
        with faithfulness.patched(model, SITE, edit):
            assert np.array_equal(ablation.top_k_items(model, cases), base)
    x = torch.randn(50, 64, generator=torch.Generator().manual_seed(0))
    z = found.encode(x)
    latent = int((z > 0).sum(0).argmax())
    silent = z[:, latent] == 0
    edited = ablation.ablate(found, latent)(x)
    assert silent.any() and torch.equal(edited[silent], x[silent]), "rows where the latent is inactive are unchanged"
    assert torch.allclose(x - edited, z[:, latent, None] * found.decoder[latent], atol=1e-5)


def test_ablation_at_the_last_site_changes_scores_by_the_dot_product(run, model, cases):
    """An identity: the change of a score is -z_j w_j.e_i."""
    site = Site("norm")
    last = train_sae.train_dictionary(
        run, train_sae.read_activations(run, site), k=6, latents=128, epochs=10, batch=512
    )
    before = model.score(cases.histories)
    z = last.encode(model.states(cases.histories)).numpy()
    latent = int(z.sum(axis=0).argmax())
    with faithfulness.patched(model, site, ablation.ablate(last, latent)):
        after = model.score(cases.histories)
    table = model.module.item.weight.detach().numpy()
    expected = -z[:, latent, None] * (last.decoder[latent].numpy() @ table.T)
    assert np.abs((after - before - expected)[:, 1:]).max() < 1e-4


def test_steering_along_a_concept_direction_beats_a_random_direction(run, model, cases, member):
    read = train_sae.read_activations(run, SITE)
    mean = read.x[member[read.last]].mean(axis=0) - read.x.mean(axis=0)
    direction = mean / np.linalg.norm(mean)
    size = float(np.linalg.norm(read.x - read.x.mean(axis=0), axis=1).mean())
    amounts = [-size, 0.0, 0.5 * size, size, 2 * size]
    curve = dose_response.dose_response(model, SITE, direction, amounts, cases, member)
    assert curve["share"].is_monotonic_increasing and curve["share"].iloc[-1] > 1.3 * curve["share"].iloc[1]
    noise = np.random.default_rng(0).standard_normal(64)
    other = dose_response.dose_response(model, SITE, noise / np.linalg.norm(noise), amounts, cases, member)
    assert dose_response.mean_share_gain(curve) > dose_response.mean_share_gain(other)
    rival = dose_response.score_boost(model, [0.0, 0.5, 1.0, 2.0, 4.0, 8.0], cases, member)
    assert rival["share"].iloc[-1] > 0.9 and rival["share"].iloc[0] == pytest.approx(curve["share"].iloc[1])
    assert rival["ndcg@10"].iloc[0] == pytest.approx(curve["ndcg@10"].iloc[1])
    assert np.isfinite(dose_response.cost_of_gain(rival))


def test_ablation_effect_on_the_concept_share(run, bench, model, found, cases):
    """Over the latents with the largest effects, as a single one may hardly be asked for: users for whom it fires may
    have been recommended none of its concept's items before."""
    read = train_sae.read_activations(run, SITE)
    table = train_sae.concept_table(run, read, found, draws=199).sort_values("effect", ascending=False)
    known = concepts.item_concepts(bench.dataset, bench.split)
    z = found.encode_sparse(read.x)

    def effect(latent: int) -> dict[str, float]:
        column = known.names.tolist().index(table["concept"][latent])
        member = np.asarray(known.members[:, column].todense()).ravel() > 0
        active = cases.take(np.flatnonzero(np.isin(cases.histories.users, read.user[z[:, latent].nonzero()[0]])))
        others = ablation.matched_latents(z, np.ones(found.latents), latent, 9)
        return ablation.ablation_effect(model, SITE, found, latent, active, member, controls=others)

    effects = [effect(latent) for latent in table.index[:8]]
    assert all(one["p"] <= 1 and set(one) == {"before", "change", "control", "p", "z"} for one in effects)
    change, control = (np.mean([one[name] for one in effects]) for name in ("change", "control"))
    assert change < 0 < control - change
    assert effects[0] == effect(table.index[0])


def test_matched_latents():
    rng = np.random.default_rng(0)
    rate = np.repeat([0.02, 0.3, 0.0], [20, 20, 5])
    z = csr_matrix(((rng.random((4000, 45)) < rate) * rng.uniform(0.9, 1.1, (4000, 45))).astype(np.float32))
    rare = ablation.matched_latents(z, np.ones(45), 3, 6)
    assert len(rare) == 6 and 3 not in rare and (rare < 20).all(), "those of its own decile, then the nearest"
    assert set(ablation.matched_latents(z, np.ones(45), 30, 99)) == set(range(40)) - {30}, "inactive ones never"
    heavy = np.where(np.arange(45) < 10, 5.0, 1.0)
    matched = ablation.matched_latents(z, heavy, 3, 5)
    assert (matched < 10).all(), "the contribution of a latent includes the norm of its direction"


def test_rival_directions_point_at_the_concept(run, model, cases, member):
    read = train_sae.read_activations(run, SITE)
    table = model.module.item.weight.detach().numpy()
    known = steering.rival_directions(read.x, member[read.last], table, member)
    assert set(known) == {"difference of means", "probe", "item centroid"}
    assert all(abs(np.linalg.norm(direction) - 1) < 1e-5 for direction in known.values())
    side = read.x @ known["probe"]
    assert side[member[read.last]].mean() > side[~member[read.last]].mean() + side.std()
    assert float(known["probe"] @ known["difference of means"]) > 0


def test_hand_values_and_errors(model, cases, member):
    flat = pd.DataFrame({"amount": [0, 1], "share": [0.1, 0.2], "ndcg@10": [0.05, 0.05]})
    assert np.isnan(dose_response.cost_of_gain(flat)), "the share never rises that far"
    with pytest.raises(UserError, match="0 must be one of them"):
        dose_response.dose_response(model, SITE, np.ones(64), [1.0], cases, member)


@pytest.mark.parametrize("holds, message", [(np.ones(8, bool), "every position"), (np.zeros(8, bool), "no position")])
def test_a_constant_concept_has_no_direction(holds, message):
    x = np.random.default_rng(0).normal(size=(8, 3))
    with pytest.raises(UserError, match=message):
        steering.rival_directions(x, holds, np.zeros((1, 0)), np.ones(5, bool))
