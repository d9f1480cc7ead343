"""Baseline dictionaries: their defining properties, and that every function that takes a dictionary takes them."""
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import nnls
from sklearn.cluster import KMeans

from workbench.errors import UserError
from workbench.experiment import open_bench
from workbench.experiment.probing import train_sae
from workbench.probing.activations.hooks import Site
from workbench.probing.dictionaries import baselines, encoders, ground_truth, sae
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions import ablation, faithfulness

WORLD = ground_truth.synthetic_activations(3000, width=24, concepts=40, active=3, seed=5)
X = WORLD.x * 3 + 2
SHORT = {"epochs": 3, "batch": 512, "latents": 96}


def made(kind, x=X, k=4):
    settings = {name: SHORT[name] for name in baselines.settings_of(kind) if name in SHORT}
    return baselines.fit_baseline(kind, x, k=k, **settings)


def test_kmeans_has_the_inertia_of_sklearn():
    found = made("kmeans")
    centroids = (found.decoder * found.encoder.norm(dim=1, keepdim=True) + found.center).numpy()
    rows = X.astype(np.float64)
    theirs = KMeans(96, n_init=1, max_iter=1, init=centroids.astype(np.float64)).fit(rows)
    theirs.cluster_centers_ = centroids.astype(np.float64)
    inertia = -theirs.score(rows) / np.square(rows - rows.mean(0)).sum()
    assert faithfulness.evaluate_reconstruction(found, X)["fvu"] == pytest.approx(inertia, abs=1e-5)
    assert found.encode(torch.from_numpy(X)).argmax(1).tolist() == theirs.predict(rows).tolist()
    own = KMeans(96, n_init=1, random_state=0).fit(rows).inertia_ / np.square(rows - rows.mean(0)).sum()
    assert inertia < 1.03 * own, "and the centroids are as good as those of sklearn"


def test_product_kmeans_explains_more_than_kmeans():
    whole, parts = made("kmeans"), made("product_kmeans")
    assert (whole.latents, parts.latents, parts.k) == (96, 96, 4)
    z = parts.encode(torch.from_numpy(X)).view(len(X), 4, 24)
    assert ((z > 0).sum(2) == 1).all(), "one active latent per group"
    told = [faithfulness.evaluate_reconstruction(found, X) for found in (parts, whole)]
    assert told[0]["fvu"] < 0.7 * told[1]["fvu"] and (told[0]["l0"], told[1]["l0"]) == (4, 1)
    one = baselines.fit_baseline("product_kmeans", X, k=1, latents=96)
    assert faithfulness.evaluate_reconstruction(one, X)["fvu"] == pytest.approx(told[1]["fvu"], rel=0.03), "one group"
    first, second, *_ = parts.decoder.view(4, 24, 24)
    assert (first @ second.T).abs().max() < 1e-4, "groups span orthogonal dimensions"


def test_nmf_recovers_a_nonnegative_product():
    """Four directions of which no two share a sign of a dimension, and the opposite of every row, so the mean is 0."""
    rng = np.random.default_rng(0)
    directions = np.zeros((4, 12), np.float32)
    for at in range(4):
        directions[at, 3 * at : 3 * at + 3] = rng.choice([-1, 1], 3) * rng.uniform(0.5, 1.5, 3)
    x = (rng.exponential(1, (600, 4)) * (rng.random((600, 4)) < 0.5)).astype(np.float32) @ directions
    x = np.concatenate([x, -x])
    found = baselines.fit_baseline("nmf", x, factors=8)
    assert faithfulness.evaluate_reconstruction(found, x)["fvu"] < 1e-3
    assert ground_truth.mmcs(np.concatenate([directions, -directions]), found.decoder.numpy()) > 0.99
    z = found.encode(torch.from_numpy(x))
    assert (z >= 0).all() and found.decoder.norm(dim=1).numpy() == pytest.approx(np.ones(8), abs=1e-5)
    two = baselines.fit_baseline("nmf", x, k=2, factors=8)
    assert ((two.encode(torch.from_numpy(x)) > 0).sum(1) <= 2).all()
    assert 1e-3 < faithfulness.evaluate_reconstruction(two, x)["fvu"] < 0.5


def test_nonnegative_codes_equal_scipy_nnls():
    rng = np.random.default_rng(0)
    H, signs = rng.random((9, 16)), rng.random((20, 16))
    read, gram = (torch.from_numpy(a.astype(np.float32)) for a in (signs @ H.T, H @ H.T))
    mine = encoders.nonnegative_least_squares(read, gram, torch.ones(20, 9, dtype=torch.bool)).numpy()
    for row in range(20):
        best = nnls(H.T, signs[row])[1] ** 2
        assert best <= np.square(signs[row] - mine[row] @ H).sum() + 1e-6 < 1.001 * best + 1e-5
    free = torch.arange(9) < 4
    kept = encoders.nonnegative_least_squares(read, gram, free.expand(20, 9)).numpy()
    assert (kept[:, 4:] == 0).all() and np.square(signs - kept @ H).sum() < np.square(signs).sum()


@pytest.mark.parametrize("kind", baselines.KINDS)
def test_every_kind_is_measured_stored_and_repeated(kind, tmp_path):
    found = made(kind)
    told = faithfulness.evaluate_reconstruction(found, X)
    assert 0 < told["fvu"] < 1 and told["l0"] <= 4 + 1e-6 and found.about["kind"] == kind
    found.save(tmp_path)
    again = Dictionary.load(tmp_path)
    z = found.encode(torch.from_numpy(X))
    assert again.encoding == found.encoding and torch.equal(again.encode(torch.from_numpy(X)), z)
    assert np.array_equal(found.encode_sparse(X).toarray(), z.numpy()) and (z >= 0).all()
    assert torch.equal(made(kind).encode(torch.from_numpy(X)), z), "and it is deterministic given a seed"


def test_negative_controls_learn_no_directions():
    settings = {"k": 4, "seed": 1, **SHORT}
    frozen, mixed = (baselines.fit_baseline(kind, X, **settings) for kind in ("frozen_decoder", "shuffled"))
    assert torch.equal(frozen.decoder, sae.train(X, frozen_decoder=True, **settings).decoder)
    rows = np.random.default_rng(0).permutation(X.shape[0])
    alike = baselines.fit_baseline("shuffled", X[rows], **settings)  # it knows each dimension's values and no row
    assert mixed.center.numpy() == pytest.approx(alike.center.numpy(), abs=0.1)
    learned = sae.train(X, **{**settings, "epochs": 60}, lr=3e-3)
    blind = baselines.fit_baseline("shuffled", X, **{**settings, "epochs": 60}, lr=3e-3)
    scores = [ground_truth.mmcs(WORLD.directions, found.decoder.numpy()) for found in (learned, blind)]
    assert scores[0] > 0.9 > 0.75 > scores[1]


@pytest.mark.parametrize(("kind", "x", "settings", "complaint"), [
    ("k_means", X, {}, "unknown baseline 'k_means'; did you mean 'kmeans'"),
    ("kmeans", X, {"latent": 9}, "unknown setting of kmeans 'latent'; did you mean 'latents'"),
    ("kmeans", X[:50], {"latents": 96}, "50 activations for 96 centroids"),
    ("product_kmeans", X, {"k": 25}, "k=25; 24 dimensions can be divided into 1 to 24 groups"),
    ("nmf", X, {"factors": 49}, "at most 48"),
    ("kmeans", np.ones_like(X), {}, "all activations are equal"),
    ("nmf", np.full_like(X, np.nan), {}, "3,000 of 3,000 activations are NaN"),
    ("frozen_decoder", X, {"k": 0}, "k=0: must be between 1"),
])  # fmt: skip
def test_invalid_settings_are_errors(kind, x, settings, complaint):
    with pytest.raises(UserError, match=complaint):
        baselines.fit_baseline(kind, x, **settings)


def test_an_unknown_encoding_is_an_error():
    zero = torch.zeros(1)
    with pytest.raises(UserError, match="did you mean 'nearest'"):
        Dictionary(zero[None], zero, zero[None], zero, zero, encoding="nearst")


@pytest.fixture(scope="module")
def run():
    return open_bench("synthetic", profile="smoke", options={"users": 400, "items": 120}).fit("sasrec")


def test_a_study_takes_every_kind(run):
    read = train_sae.read_activations(run, Site("blocks.0.out"))
    table = train_sae.sparsity_sweep(
        run, read, kinds=tuple(baselines.KINDS), ks=(2, 4), latents=64, epochs=2, batch=512
    )
    assert len(table) == 2 * len(baselines.KINDS) and table["fvu"].between(0, 1).all()
    assert (table["l0"] <= table["k"] + 1e-6).all()
    published = train_sae.train_dictionary(
        run, read, kind="recsae", k=4, latents=64, epochs=2, batch=64, fixes=("auxk",)
    )
    assert (published.k, published.latents, published.about["fixes"]) == (4, 64, ["auxk"])
    with pytest.raises(UserError, match="unknown setting of pca 'epochs'"):
        train_sae.train_dictionary(run, read, kind="pca", epochs=3)
    with pytest.raises(UserError, match="unknown kind of dictionary 'topkk'; did you mean 'topk'"):
        train_sae.train_dictionary(run, read, kind="topkk")


@pytest.mark.parametrize("kind", ["kmeans", "product_kmeans", "nmf"])
def test_other_encodings_are_tested_spliced_and_ablated(run, kind):
    read, model, cases = (
        train_sae.read_activations(run, Site("blocks.0.out")),
        run.recommender(),
        run.bench().split.test,
    )
    given = {} if kind == "nmf" else {"latents": 64}
    found = train_sae.train_dictionary(run, read, kind=kind, k=4, **given)
    passed = train_sae.concept_table(run, read, found, draws=19)
    assert len(passed) == 64 and passed["activation_share"].sum() == pytest.approx(1) and passed["p"].notna().any()
    spliced = train_sae.metric_recovered(run, read, found)["ndcg@10"]
    assert spliced["base"] == pytest.approx(run.metrics["ndcg@10"]) and spliced["spliced"] != spliced["base"]
    latent, x = int(passed["activation_share"].idxmax()), torch.from_numpy(read.x)
    z, edited = found.encode(x)[:, latent], ablation.ablate(found, latent)(x)
    assert torch.equal(edited[z == 0], x[z == 0])
    assert (x - edited).norm(dim=1).numpy() == pytest.approx(z.numpy(), abs=1e-4), "directions have norm 1"
    member = np.arange(run.bench().dataset.n_items + 1) % 2 == 1
    others = np.array([1, 2, 3])
    told = ablation.ablation_effect(
        model, Site("blocks.0.out"), found, latent, cases.take(np.arange(40)), member, controls=others
    )
    assert 0 < told["p"] <= 1


def test_item_embeddings_as_directions_need_the_width_of_the_site(run):
    read = train_sae.read_activations(run, train_sae.choose_site(run))
    found = train_sae.train_dictionary(run, read, kind="items", k=4)
    own = run.recommender().module.item.weight.detach().numpy()[1:]
    apart = own - own.mean(axis=0)
    np.testing.assert_allclose(found.decoder.numpy(), apart / np.linalg.norm(apart, axis=1, keepdims=True), atol=1e-5)
    assert (found.encode_sparse(read.x).getnnz(axis=1) <= 4).all()
    wide = replace(read, x=np.hstack([read.x, read.x]), fingerprint="wide")
    with pytest.raises(UserError, match="item embeddings as wide as"):
        train_sae.train_dictionary(run, wide, kind="items", k=4)
